// dump_run RUN OUT.json: what a run's newest checkpoint computes, by our own two ways. For every turn that its version
// alone sampled: prompt, ids and log-probs as the engine recorded them while serving, and as the policy scores them
// with the checkpoint's tensors published over the base folder (adapter not merged).

#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "checkpoint/checkpoint_reader.hpp"
#include "convert/run_settings.hpp"
#include "core/error.hpp"
#include "journal/journal_reader.hpp"
#include "model/policy.hpp"

namespace {

using namespace clawrl;
using nlohmann::json;

std::vector<Turn> turns_of_version(const JournalReader& journal, std::int64_t version) {
  std::vector<Turn> turns;
  for (TurnState state : {TurnState::side, TurnState::answered, TurnState::expired})
    for (TurnId id : journal.turns_in(state)) {
      Turn turn = journal.turn(id).value();
      const auto& used = turn.completion.versions;
      const bool all = std::all_of(used.begin(), used.end(), [&](std::int64_t one) { return one == version; });
      if (all && !used.empty()) turns.push_back(std::move(turn));
    }
  return turns;
}

std::vector<ScoreResult> score(const Checkpoint& checkpoint, const RunConfig& run, const std::vector<Turn>& turns) {
  const auto policy = make_policy(run.model.policy, "cpu", run.trainer.lora);
  const std::int64_t version = std::max<std::int64_t>(1, checkpoint.state.version.number);
  load_tensors(checkpoint, policy->shadow(version));
  policy->publish(version);
  std::vector<ScoreRequest> requests;
  for (const Turn& turn : turns) {
    ScoreRequest request{turn.prompt, static_cast<std::int32_t>(turn.prompt.size()), 1.0F, 0, 0, {}, {}};
    request.ids.insert(request.ids.end(), turn.completion.ids.begin(), turn.completion.ids.end());
    requests.push_back(std::move(request));
  }
  return policy->score(version, requests);
}

void run(const std::string& folder, const std::string& out) {
  const auto loaded = load_newest(folder + "/checkpoints", true);
  require(loaded.has_value(), folder + ": has no checkpoint");
  const Checkpoint& checkpoint = loaded->checkpoint;
  const JournalReader journal(folder + "/journal.sqlite");
  const auto turns = turns_of_version(journal, checkpoint.state.version.number);
  require(!turns.empty(), folder + ": the newest version answered no turn");
  const auto scores = score(checkpoint, settings_of(checkpoint.state.configuration), turns);
  json result = {
      {"step", checkpoint.state.step}, {"version", checkpoint.state.version.number}, {"turns", json::array()}};
  for (std::size_t i = 0; i < turns.size(); ++i)
    result["turns"].push_back({{"prompt", turns[i].prompt},
                               {"ids", turns[i].completion.ids},
                               {"text", turns[i].reply},
                               {"served", turns[i].completion.logprobs_t1},
                               {"scored", scores[i].logprobs}});
  std::ofstream(out) << result.dump(-1, ' ', true) << std::endl;
}

}  // namespace

int main(int argc, char** argv) try {
  require(argc == 3, "dump_run RUN OUT.json");
  run(argv[1], argv[2]);
  return 0;
} catch (const std::exception& error) {
  std::cerr << "dump_run: " << error.what() << std::endl;
  return 1;
}
