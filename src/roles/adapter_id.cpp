#include "roles/adapter_id.hpp"

#include <algorithm>
#include <sstream>

#include "core/checksum.hpp"
#include "core/error.hpp"
#include "model/peft_folder.hpp"
#include "model/safetensors.hpp"

namespace clawrl {
namespace {

std::string named(const std::string& id) {
  return id.empty() ? "full weights" : "an adapter of " + id;
}

}  // namespace

std::string adapter_id(const LoraConfig& asked) {
  if (asked.rank == 0 && asked.adapter.empty()) return "";
  LoraConfig lora = resolve_lora(asked);
  std::sort(lora.targets.begin(), lora.targets.end());
  std::ostringstream text;
  text.precision(9);  // a float has no more digits
  text << "rank " << lora.rank << ", alpha " << lora.alpha << (lora.rslora ? " (rslora)" : "") << ", targets";
  for (const std::string& target : lora.targets) text << ' ' << target;
  if (lora.adapter.empty()) return text.str() + ", started fresh";
  const SafetensorsFile file(lora.adapter + "/adapter_model.safetensors");
  return text.str() + ", started from weights " + weights_hash(file.tensors());
}

void require_same_adapter(const std::string& where, const std::string& recorded, const std::string& now) {
  require(recorded == now, where + " belongs to a run that trains " + named(recorded) +
                               "; trainer.lora_rank, lora_alpha, lora_targets and lora_adapter now give " + named(now) +
                               ", which is another model: set them as before, or begin anew in another run.out");
}

}  // namespace clawrl
