#pragma once
// Extension point: how a turn that may be learned from is sampled. The prompt and the client's own wishes are settled
// before; the engine checks and runs what comes out.
//
// A new rule is one .cpp file:
//   static const clawrl::RegisterGeneration registered("mine", [](const clawrl::GenerationInput& input,
//                                                                 clawrl::GenerateRequest& request) { ... });
// linked into the job (not through a static library, whose unused objects the linker drops), and
// rollout.generation = mine.

#include <functional>
#include <string>
#include <vector>

#include "config/run_config.hpp"
#include "core/generation.hpp"
#include "core/turn.hpp"

namespace clawrl {

struct GenerationInput {
  const Turn& turn;  // messages, tools, key and user are there; session, index and completion are not yet
  const RolloutConfig& settings;
  bool temperature_given = false;  // by the client: a rule should leave it
  bool max_tokens_given = false;
};

/// May change sampling and stop conditions; id, prompt, version and constraint are the desk's, and a rule that touches
/// them fails the request (InternalError). What it sets is what is recorded and trained with: top_p, top_k, penalties
/// or temperature 0 exclude the turn, as a client's would. It runs on the head's thread: no waiting.
using GenerationRule = std::function<void(const GenerationInput&, GenerateRequest&)>;

/// Registers at program start; a name taken twice ends the program with an InternalError.
struct RegisterGeneration {
  RegisterGeneration(const std::string& name, GenerationRule rule);
};

/// "plain" leaves the request as it is. Throws UserError with the known names.
const GenerationRule& find_generation(const std::string& name);
std::vector<std::string> generation_names();  // sorted

/// Runs the rule and holds it to what it may change.
void apply(const GenerationRule& rule, const GenerationInput& input, GenerateRequest& request);

}  // namespace clawrl
