#pragma once
// What the tests of the step desk share: the desk with a journal, and trainers that answer when told to.

#include <chrono>
#include <set>
#include <thread>

#include "roles/clock.hpp"
#include "roles/desk_support.hpp"
#include "roles/step_desk.hpp"

namespace clawrl::test {

using namespace std::chrono_literals;

inline RunConfig binary(std::int32_t batch) {
  RunConfig config;
  config.samples.method = "binary";
  config.samples.batch = batch;
  config.samples.partial_batch_age_s = 0;
  return config;
}

/// A head's part in small: journal, desk, and trainers that answer.
struct Run {
  RunConfig config;
  Journal journal;
  RecordingMailbox mailbox;
  std::vector<messages::StepDone> done;
  StepDesk desk;
  Run(const std::string& path, const RunConfig& settings, std::vector<int> trainers = {0, 1})
      : config(settings),
        journal(path),
        desk(mailbox, journal, config, std::move(trainers),
             [this](const messages::StepDone& one) { done.push_back(one); }) {}

  Turn answered_turn() {
    Turn turn;
    turn.id = journal.next_turn_id();
    turn.session = "s" + std::to_string(turn.id.value);
    turn.prompt = {5, 6, 7};
    turn.completion.ids.assign(2 + static_cast<std::size_t>(turn.id.value % 5), 8);
    turn.completion.logprobs.assign(turn.completion.ids.size(), -0.5F);
    turn.completion.logprobs_t1 = turn.completion.logprobs;
    turn.completion.versions.assign(turn.completion.ids.size(), desk.version());
    turn.completion.finish = FinishReason::stop;
    turn.state = TurnState::answered;
    return turn;
  }
  static Verdict verdict_of(const Turn& turn, std::int8_t score = -1) {
    Verdict verdict;
    verdict.turn = turn.id;
    verdict.votes = {score};
    verdict.score = score;
    return verdict;
  }
  /// A turn that was answered and judged, as the head records it.
  TurnId record(const Turn& turn, const Verdict& verdict) {
    journal.save_turn(turn);
    journal.save_verdict(verdict);
    desk.add(turn, verdict);
    return turn.id;
  }
  TurnId judged(std::int8_t score = -1, const std::string& user = "") {
    Turn turn = answered_turn();
    turn.user = user;
    return record(turn, verdict_of(turn, score));
  }
  /// A complaint with a hint; how it agrees with the user's earlier ones.
  TurnId complained(const std::string& user, std::optional<float> agreement) {
    Turn turn = answered_turn();
    turn.user = user;
    Verdict verdict = verdict_of(turn);
    verdict.hints = {"Be brief."};
    verdict.chosen_hint = 0;
    verdict.hint_agreement = agreement;
    return record(turn, verdict);
  }
  void judge(int count) {
    for (int i = 0; i < count; ++i) judged();
  }
  /// Ticks until a step was sent; nothing when none is due.
  std::vector<RecordingMailbox::Sent<messages::TakeStep>> next_step() {
    for (int i = 0; i < 20000; ++i) {
      desk.tick(monotonic_s());
      if (auto sent = mailbox.take<messages::TakeStep>(); !sent.empty()) return sent;
      if (!desk.busy()) return {};
      std::this_thread::sleep_for(1ms);
    }
    return {};
  }
  void finish(const StepBatch& batch, const std::string& hash = "hash") {
    messages::StepDone message;
    message.metrics.step = batch.step;
    message.metrics.version = batch.version;
    message.weights_hash = hash + std::to_string(batch.step);
    desk.take(message);
  }
  /// Runs all steps that are due.
  int run_steps() {
    int steps = 0;
    for (auto sent = next_step(); !sent.empty(); sent = next_step(), ++steps) finish(sent[0].message.batch);
    return steps;
  }
};

inline std::multiset<SampleId> ids_of(const std::vector<RecordingMailbox::Sent<messages::TakeStep>>& sent) {
  std::multiset<SampleId> ids;
  for (const auto& one : sent)
    for (const TrainingSample& sample : one.message.batch.samples) ids.insert(sample.id);
  return ids;
}

}  // namespace clawrl::test
