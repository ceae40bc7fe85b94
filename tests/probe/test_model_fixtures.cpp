// All reference models, asked as a user would: log-probs on the training path and on the paged one in chunks, logits at
// the reference positions, greedy continuations.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "kernels/runtime.hpp"
#include "model/safetensors.hpp"
#include "probe/probe.hpp"
#include "support/catch.hpp"
#include "support/fixtures.hpp"

using namespace clawrl;
using Json = nlohmann::json;

namespace {

constexpr double tolerance = 2e-4;
const char* const models[] = {"llama3", "mistral", "qwen2_bf16", "qwen3_tied", "qwen3_untied_sharded"};

std::vector<double> tensor(const SafetensorsFile& file, const std::string& name) {
  const auto* view = file.find(name);
  if (view == nullptr) return {};
  std::vector<double> values(static_cast<std::size_t>(view->elements()));
  REQUIRE(view->type == DType::f64);
  std::memcpy(values.data(), view->data, view->bytes());
  return values;
}

double gap(const std::vector<double>& got, const std::vector<double>& wanted) {
  if (got.size() != wanted.size()) return HUGE_VAL;
  double worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) worst = std::max(worst, std::abs(got[i] - wanted[i]));
  return worst;
}

std::vector<double> flat(const Json& rows) {
  std::vector<double> all;
  for (const Json& row : rows)
    for (const Json& value : row) all.push_back(value.get<double>());
  return all;
}

/// Rows of logits as log-probs.
std::vector<double> log_softmax(std::vector<double> rows, std::size_t width) {
  for (std::size_t begin = 0; begin < rows.size(); begin += width) {
    double sum = 0;
    for (std::size_t i = begin; i < begin + width; ++i) sum += std::exp(rows[i]);
    for (std::size_t i = begin; i < begin + width; ++i) rows[i] -= std::log(sum);
  }
  return rows;
}

struct Model {
  std::filesystem::path folder;
  Json cases;
  SafetensorsFile tensors;
  Probe probe;
  explicit Model(const std::string& name)
      : folder(test::fixture("models/" + name)),
        cases(Json::parse(std::ifstream(folder / "cases.json"))["cases"]),
        tensors((folder / "logits.safetensors").string()),
        probe({.folder = folder.string(), .context = 1024}) {}
  Json ask(Json question) {
    const Json answer = Json::parse(probe.answer(question.dump()));
    INFO(answer.value("error", ""));
    REQUIRE_FALSE(answer.contains("error"));
    return answer;
  }
};

void compare_logprobs(Model& model, const Json& one) {
  const std::string name = one["name"];
  for (const double temperature : {1.0, 0.7}) {
    const auto wanted = tensor(model.tensors, name + (temperature == 1.0 ? ".logprobs" : ".logprobs_t07"));
    Json question{{"op", "logprobs"}, {"ids", one["ids"]}, {"temperature", temperature}};
    CHECK(gap(model.ask(question)["logprobs"], wanted) < tolerance);
    question["path"] = "paged";
    CHECK(gap(model.ask(question)["logprobs"], wanted) < tolerance);
  }
}

void compare_rows(Model& model, const Json& one) {
  const auto wanted = tensor(model.tensors, one["name"].get<std::string>() + ".logits_ref64");
  Json question{{"op", "logprobs"}, {"ids", one["ids"]}, {"positions", one["logit_positions"]},
                {"path", "paged"},  {"rows", "logits"},  {"chunk", 29}};
  const Json answer = model.ask(question);
  CHECK(gap(flat(answer["logits"]), wanted) < tolerance);
  question.erase("chunk");
  question["path"] = "training";
  question["rows"] = "log_softmax";
  const std::size_t width = answer["logits"][0].size();
  CHECK(gap(flat(model.ask(question)["log_softmax"]), log_softmax(wanted, width)) < 2 * tolerance);
}

}  // namespace

TEST_CASE("every reference model: log-probs and logits on both paths, greedy tokens") {
  const KernelRuntime kernels;
  std::size_t cases = 0;
  for (const char* name : models) {
    Model model(name);
    for (const Json& one : model.cases) {
      INFO(name << " " << one["name"]);
      compare_logprobs(model, one);
      compare_rows(model, one);
      const Json greedy =
          model.ask({{"op", "generate"}, {"ids", one["ids"]}, {"max_tokens", 32}, {"stop_tokens", Json::array()}});
      CHECK(greedy["ids"] == one["greedy32"]);
      CHECK(greedy["finish"] == "length");
      ++cases;
    }
  }
  test::compared("model", cases);
}
