#pragma once
// A folder for one test and records with every field set.

#include <unistd.h>

#include <filesystem>
#include <stdexcept>
#include <string>

#include "core/training_sample.hpp"
#include "core/turn.hpp"
#include "core/verdict.hpp"

namespace clawrl::test {

/// Removed at the end, with all that is in it.
struct Folder {
  std::filesystem::path path;
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "clawrl_journal_XXXXXX").string();
    if (!::mkdtemp(name.data())) throw std::runtime_error("cannot make " + name);
    path = name;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::string file(const std::string& name) const { return (path / name).string(); }
};

inline Turn make_turn(TurnId id, const std::string& session = "alice", TurnState state = TurnState::answered) {
  const auto number = static_cast<std::int32_t>(id.value);
  Turn turn;
  turn.id = id;
  turn.session = session;
  turn.index = number;
  turn.messages = {{"system", "Be brief.", "", {}, ""}, {"user", "sum of 2 and " + std::to_string(number), "", {}, ""}};
  turn.prompt = {1, 2, 3, number};
  turn.completion.ids = {10, 11, number};
  turn.completion.logprobs = {-0.5F, -0.25F, -1.0F / 3.0F};
  turn.completion.logprobs_t1 = {-0.5F, -0.25F, -1.0F / 3.0F};
  turn.completion.versions = {4, 5, 5};
  turn.completion.finish = FinishReason::stop;
  turn.reply = "**" + std::to_string(number + 2) + "**";
  turn.state = state;
  turn.model = "demo";
  turn.created_s = 1000.5 + number;
  return turn;
}

inline Verdict make_verdict(TurnId id, std::int8_t score = -1, std::int32_t revision = 0) {
  Verdict verdict;
  verdict.turn = id;
  verdict.revision = revision;
  verdict.votes = {std::int8_t{-1}, std::nullopt, score};
  verdict.score = score;
  verdict.hints = {"No bold text."};
  verdict.chosen_hint = 0;
  verdict.teacher.logprobs = {-0.125F, -2.0F, -3.0F};
  verdict.hint_agreement = -0.5F;
  return verdict;
}

inline TrainingSample make_sample(TurnId id, std::int32_t revision = 0) {
  TrainingSample sample;
  sample.id = {id, revision};
  sample.ids = {1, 2, 3, 10, static_cast<TokenId>(id.value)};
  sample.loss_mask = {0, 0, 0, 1, 1};
  sample.sampler_logprobs = {0, 0, 0, -0.5F, -0.25F};
  sample.advantages = {0, 0, 0, -1, -1};
  sample.version = 4;
  sample.origin = "turn";
  return sample;
}

}  // namespace clawrl::test
