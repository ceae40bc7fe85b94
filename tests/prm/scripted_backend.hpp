#pragma once
// A judge model that says what a test wrote, and a teacher whose numbers show what it was asked.

#include <deque>
#include <set>

#include "core/error.hpp"
#include "prm/judge.hpp"
#include "prompt/chat_template.hpp"
#include "prompt/tiny_tokenizer.hpp"

namespace clawrl::test {

inline constexpr TokenId kEnd = 302;  // <|im_end|> of the tiny tokenizer

/// Answers one request per step, in order of submission.
struct ScriptedSampler {
  const Tokenizer& tokenizer;
  /// Text of the answer; "fail" and "late" end the request that way.
  std::function<std::string(const GenerateRequest&, bool vote)> answer;
  std::vector<GenerateRequest> requests = {};  // all ever submitted
  std::deque<GenerateRequest> waiting = {};
  std::set<RequestId> cancelled = {};
  std::vector<CompletionDelta> deltas = {};

  bool is_vote(const GenerateRequest& request) const {
    return tokenizer.decode(request.prompt, true).find("Judge the reply") != std::string::npos;
  }
  bool step() {
    if (waiting.empty()) return false;
    const auto request = waiting.front();
    waiting.pop_front();
    CompletionDelta delta{request.id, {}};
    const std::string text = answer(request, is_vote(request));
    if (cancelled.contains(request.id)) {
      delta.part.finish = FinishReason::cancelled;
    } else if (text == "fail") {
      delta.part.finish = FinishReason::failed;
      delta.part.error = "prompt too long";
    } else if (text == "late") {
      delta.part.finish = FinishReason::deadline;
    } else {
      delta.part.ids = tokenizer.encode(text);
      deltas.push_back(delta);  // in two parts, as an engine would
      delta.part.ids = {kEnd};
      delta.part.finish = FinishReason::stop;
    }
    deltas.push_back(delta);
    return true;
  }
  JudgeSampler functions() {
    return {[this](GenerateRequest r) { requests.push_back(r), waiting.push_back(std::move(r)); },
            [this](RequestId id) { cancelled.insert(id); }, [this] { return step(); },
            [this] { return std::exchange(deltas, {}); }};
  }
};

/// Log-prob of every response token = -(prompt length) / 1000 - version / 100, so that a test can tell who scored what.
struct ScriptedTeacher {
  std::vector<std::int64_t> present = {0, 3};
  std::vector<std::pair<std::int64_t, ScoreRequest>> calls = {};

  static float value(std::int64_t version, std::size_t prompt) {
    return -static_cast<float>(prompt) / 1000 - static_cast<float>(version) / 100;
  }
  std::vector<ScoreResult> score(std::int64_t version, std::span<const ScoreRequest> sequences) {
    std::vector<ScoreResult> results;
    for (const auto& sequence : sequences) {
      calls.emplace_back(version, sequence);
      const auto prompt = static_cast<std::size_t>(sequence.response_begin);
      const std::size_t rows = sequence.ids.size() - prompt;
      const float v = value(version, prompt);
      ScoreResult result;
      result.logprobs.assign(rows, v);
      result.gathered.assign(sequence.gather_ids.size(), v - 1);
      for (std::size_t i = 0; i < rows * static_cast<std::size_t>(sequence.top_k); ++i) {
        result.topk_ids.push_back(static_cast<TokenId>(prompt + i));
        result.topk_logprobs.push_back(v - 2);
      }
      results.push_back(result);
    }
    return results;
  }
  TeacherScorer functions() {
    return {[this] { return present; },
            [this](std::int64_t version, std::span<const ScoreRequest> s) { return score(version, s); }, 4096};
  }
};

inline const ChatTemplate& demo_template() {
  static const ChatTemplate one = ChatTemplate::load(CLAWRL_SOURCE_DIR "/configs/models/policy");
  return one;
}

/// "the cat sat" answered "on the mat", K = 2, sampled by version 3 at temperature 0.5; the user complains.
inline Turn scripted_turn(const Tokenizer& tokenizer, std::int64_t id = 12) {
  Turn turn;
  turn.id = {id};
  turn.messages = {{"user", "the cat sat", "", {}, ""}};
  turn.reply = "on the mat";
  turn.next_state = {{"user", "No rhymes, please.", "", {}, ""}};
  turn.prompt = demo_template().render_ids(tokenizer, turn.messages, "");
  auto& completion = turn.completion;
  completion.ids = tokenizer.encode(turn.reply);
  completion.ids.push_back(kEnd);
  const std::size_t rows = completion.ids.size();
  completion.logprobs.assign(rows, -0.5F);
  completion.topk_ids.assign(2 * rows, 7);
  completion.topk_logprobs.assign(2 * rows, -0.5F);
  completion.versions.assign(rows, 3);
  completion.sampling.temperature = 0.5F;
  completion.finish = FinishReason::stop;
  turn.state = TurnState::judging;
  return turn;
}

}  // namespace clawrl::test
