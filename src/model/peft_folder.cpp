#include "model/peft_folder.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.hpp"
#include "model/safetensors.hpp"

namespace clawrl {
namespace {

using json = nlohmann::json;

// Read below, or without a say in what the adapter computes. Every other key must be off.
const std::set<std::string> kUnderstood = {"r",
                                           "lora_alpha",
                                           "lora_dropout",
                                           "target_modules",
                                           "use_rslora",
                                           "peft_type",
                                           "task_type",
                                           "bias",
                                           "init_lora_weights",
                                           "base_model_name_or_path",
                                           "inference_mode",
                                           "peft_version",
                                           "revision",
                                           "auto_mapping",
                                           "megatron_core",
                                           "qalora_group_size",
                                           "ensure_weight_tying",
                                           "eva_config",
                                           "runtime_config"};

bool is_off(const json& value) {
  return value.is_null() || value == json(false) || (value.is_structured() && value.empty());
}

class PeftConfig {
 public:
  explicit PeftConfig(const std::string& folder) : path_(folder + "/adapter_config.json") {
    std::ifstream in(path_);
    require(in.good(), path_ + ": cannot be read");
    config_ = json::parse(in, nullptr, /*allow_exceptions=*/false);
    require(config_.is_object(), path_ + ": is not a JSON object");
  }

  void refuse_unsupported() const {
    for (const auto& [key, value] : config_.items())
      if (!kUnderstood.contains(key) && !is_off(value)) refuse(key, "is not supported; allowed: off");
    if (text("peft_type", "") != "LORA") refuse("peft_type", "is not supported; allowed: LORA");
    if (text("task_type", "CAUSAL_LM") != "CAUSAL_LM") refuse("task_type", "is not supported; allowed: CAUSAL_LM");
    if (text("bias", "none") != "none") refuse("bias", "is not supported; allowed: none");
    const auto init = value("init_lora_weights");  // others change the base weights as well
    const bool keeps_base = !init.is_string() || init == "gaussian" || init == "orthogonal" || init == "eva";
    if (!keeps_base) refuse("init_lora_weights", "is not supported; allowed: true, false, gaussian, orthogonal, eva");
  }

  LoraConfig lora(const std::string& folder) const {
    LoraConfig lora;
    const auto rank = value("r");
    if (!rank.is_number_integer() || rank < 1 || rank > 4096) refuse("r", "is not allowed: 1..4096");
    lora.rank = rank.get<std::int32_t>();
    lora.alpha = static_cast<float>(number("lora_alpha", 8));
    if (!(lora.alpha > 0)) refuse("lora_alpha", "is not allowed: above 0");
    lora.dropout = number("lora_dropout", 0);
    if (!(lora.dropout >= 0 && lora.dropout < 1)) refuse("lora_dropout", "is not allowed: 0..1");
    const auto rslora = value("use_rslora");
    if (!rslora.is_null() && !rslora.is_boolean()) refuse("use_rslora", "is not allowed: true, false");
    lora.rslora = rslora == json(true);
    lora.targets = targets(lora.targets);
    lora.adapter = folder;
    return lora;
  }

 private:
  std::vector<std::string> targets(const std::vector<std::string>& all) const {
    const auto wanted = value("target_modules");
    if (wanted == json("all-linear")) return all;
    if (!wanted.is_array() || wanted.empty())
      refuse("target_modules", "is not supported; allowed: \"all-linear\" or a list of projections (no pattern)");
    std::vector<std::string> found;
    for (const auto& name : all)
      if (std::find(wanted.begin(), wanted.end(), json(name)) != wanted.end()) found.push_back(name);
    for (const auto& name : wanted)
      if (!name.is_string() || std::find(all.begin(), all.end(), name.get<std::string>()) == all.end())
        refuse("target_modules", "names " + name.dump() + "; allowed: " + list(all));
    return found;
  }

  static std::string list(const std::vector<std::string>& names) {
    std::string text;
    for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
    return text;
  }

  json value(const std::string& key) const { return config_.contains(key) ? config_.at(key) : json(); }

  std::string text(const std::string& key, const std::string& absent) const {
    const auto found = value(key);
    if (found.is_null()) return absent;
    if (!found.is_string()) refuse(key, "must be a text");
    return found.get<std::string>();
  }

  double number(const std::string& key, double absent) const {
    const auto found = value(key);
    if (found.is_null()) return absent;
    if (!found.is_number()) refuse(key, "must be a number");
    return found.get<double>();
  }

  [[noreturn]] void refuse(const std::string& key, const std::string& why) const {
    auto shown = value(key).dump(-1, ' ', true, json::error_handler_t::replace);
    if (shown.size() > 80) shown = shown.substr(0, 80) + "...";
    throw UserError(path_ + ": " + key + " = " + shown + " " + why);
  }

  std::string path_;
  json config_;
};

std::string shape_text(const ParameterView& view) {
  return json(view.shape).dump();
}

}  // namespace

LoraConfig read_peft_config(const std::string& folder) {
  const PeftConfig config(folder);
  const auto pickled = folder + "/adapter_model.bin";
  require(std::filesystem::exists(folder + "/adapter_model.safetensors") || !std::filesystem::exists(pickled),
          pickled + ": pickled weights are not read; save the adapter as safetensors (adapter_model.safetensors)");
  config.refuse_unsupported();
  return config.lora(folder);
}

LoraConfig resolve_lora(const LoraConfig& asked) {
  if (asked.adapter.empty()) return asked;
  const auto found = read_peft_config(asked.adapter);
  const LoraConfig defaults;
  auto sorted = [](auto names) {
    std::sort(names.begin(), names.end());
    return names;
  };
  auto contradicts = [&](const std::string& what, const std::string& says) {
    throw UserError("LoRA " + what + " differs from the starting adapter " + asked.adapter + ", which says " + says +
                    "; leave it out or give the same");
  };
  if (asked.rank != 0 && asked.rank != found.rank)
    contradicts("rank " + std::to_string(asked.rank), std::to_string(found.rank));
  if (asked.alpha != defaults.alpha && asked.alpha != found.alpha)
    contradicts("alpha " + json(asked.alpha).dump(), json(found.alpha).dump());
  if (asked.targets != defaults.targets && sorted(asked.targets) != sorted(found.targets))
    contradicts("targets " + json(asked.targets).dump(), json(found.targets).dump());
  return found;
}

void read_peft_weights(const std::string& folder, std::span<const ParameterView> views) {
  const auto path = folder + "/adapter_model.safetensors";
  const SafetensorsFile file(path);
  std::set<std::string> asked;
  for (const auto& view : views) {
    const auto* stored = file.find(view.name);
    require(stored != nullptr, path + ": tensor " + view.name + " is missing");
    require(stored->shape == view.shape, path + ": tensor " + view.name + " has shape " + shape_text(*stored) +
                                             ", model and adapter_config.json ask for " + shape_text(view));
    convert(*stored, view);
    asked.insert(view.name);
  }
  for (const auto& tensor : file.tensors())
    require(asked.contains(tensor.name),
            path + ": tensor " + tensor.name + " belongs to none of the targets of adapter_config.json");
}

void save_peft(const std::string& folder, const std::string& base_model, const LoraConfig& lora,
               std::span<const ParameterView> views, DType type) {
  require(type == DType::f32 || type == DType::bf16 || type == DType::f16,
          std::string("an adapter cannot be saved as ") + name(type) + "; allowed: f32, bf16, f16");
  std::vector<ParameterView> tensors;
  std::vector<std::vector<char>> converted;
  for (const auto& view : views) {
    require(view.name.starts_with("base_model.model."), "tensor " + view.name + " is no part of an adapter");
    tensors.push_back(view);
    if (view.type == type) continue;
    tensors.back().type = type;
    converted.emplace_back(tensors.back().bytes());
    tensors.back().data = converted.back().data();
    convert(view, tensors.back());
  }
  const json none;
  const nlohmann::ordered_json config = {{"peft_type", "LORA"},
                                         {"task_type", "CAUSAL_LM"},
                                         {"base_model_name_or_path", base_model},
                                         {"r", lora.rank},
                                         {"lora_alpha", lora.alpha},
                                         {"lora_dropout", lora.dropout},
                                         {"target_modules", lora.targets},
                                         {"use_rslora", lora.rslora},
                                         {"use_dora", false},
                                         {"bias", "none"},
                                         {"modules_to_save", none},
                                         {"layers_to_transform", none},
                                         {"rank_pattern", json::object()},
                                         {"alpha_pattern", json::object()},
                                         {"fan_in_fan_out", false},
                                         {"init_lora_weights", true},
                                         {"inference_mode", true}};
  std::filesystem::create_directories(folder);
  const auto path = folder + "/adapter_config.json";
  std::ofstream out(path);
  out << config.dump(2) << '\n';
  out.close();
  require(out.good(), path + ": cannot be written");
  write_safetensors(folder + "/adapter_model.safetensors", tensors);
}

}  // namespace clawrl
