#include "prm/teacher.hpp"

#include <algorithm>

#include "core/error.hpp"
#include "prm/hint_agreement.hpp"
#include "prm/hint_choice.hpp"

namespace clawrl {
namespace {

std::size_t width(const Turn& turn) {
  return turn.completion.topk_ids.size() / turn.completion.ids.size();
}

/// The turn's response after `prompt`, at its temperature.
ScoreRequest request_for(const Turn& turn, std::vector<TokenId> prompt) {
  ScoreRequest request;
  request.response_begin = static_cast<std::int32_t>(prompt.size());
  request.ids = std::move(prompt);
  request.ids.insert(request.ids.end(), turn.completion.ids.begin(), turn.completion.ids.end());
  request.temperature = turn.completion.sampling.temperature;
  request.masks = turn.completion.masks;
  return request;
}

bool users_words(const Turn& turn) {
  return std::any_of(turn.next_state.begin(), turn.next_state.end(),
                     [](const Message& message) { return message.role == "user" && !message.text.empty(); });
}

}  // namespace

std::vector<TokenId> hinted_prompt(const Tokenizer& tokenizer, const ChatTemplate& chat_template, const Turn& turn,
                                   const std::string& hint) {
  return chat_template.render_ids(tokenizer, with_hint(turn.messages, hint), turn.tools, template_options(turn));
}

Teacher::Teacher(TeacherScorer policy, Tokenizer policy_tokenizer, ChatTemplate policy_template,
                 TeacherSettings settings, std::optional<TeacherScorer> other)
    : scorer_(std::move(policy)),
      tokenizer_(std::move(policy_tokenizer)),
      template_(std::move(policy_template)),
      settings_(std::move(settings)),
      other_(std::move(other)) {}

bool Teacher::worth_scoring(const Turn& turn) const {
  const auto& completion = turn.completion;
  return !completion.ids.empty() && completion.logprobs.size() == completion.ids.size() && !turn.prompt.empty() &&
         completion.sampling.temperature > 0 && !completion.sampling.truncated() && !completion.sampling.adjusted() &&
         turn.prompt.size() + completion.ids.size() <= static_cast<std::size_t>(settings_.max_tokens);
}

std::int64_t Teacher::version(const Turn& turn) const {
  const auto versions = teaching().versions();
  require(!versions.empty(), "teacher: this rank has no complete policy version");
  if (!other_ && !settings_.base && settings_.newest) return settings_.newest(turn);
  if (other_ || !settings_.base) return versions.back();
  require(versions.front() == 0, "teacher: prm.teacher = base needs policy version 0 on this rank");
  return 0;
}

ScoreResult Teacher::score_one(std::int64_t version, ScoreRequest request) const {
  auto results = scorer_.score(version, {&request, 1});
  expect(results.size() == 1, "teacher: one result per sequence");
  return std::move(results.front());
}

void Teacher::score_hints(const Turn& turn, Verdict& verdict) const {
  const std::int64_t scoring = version(turn);
  std::vector<ScoreRequest> requests;
  std::vector<std::string> fitting;
  std::vector<std::int32_t> index;  // of a fitting hint among verdict.hints
  for (std::size_t h = 0; h < verdict.hints.size(); ++h) {
    auto request = request_for(turn, hinted_prompt(tokenizer_, template_, turn, verdict.hints[h]));
    if (static_cast<std::int64_t>(request.ids.size()) > teaching().max_positions) {
      ++verdict.hints_too_long;
      continue;
    }
    request.top_k = request.gather_width = static_cast<std::int32_t>(width(turn));
    request.gather_ids = turn.completion.topk_ids;
    requests.push_back(std::move(request));
    fitting.push_back(verdict.hints[h]);
    index.push_back(static_cast<std::int32_t>(h));
  }
  if (requests.empty()) return;
  auto results = teaching().score(scoring, requests);
  expect(results.size() == requests.size(), "teacher: one result per sequence");
  std::vector<TeacherScores> candidates;
  for (auto& result : results) {
    for (const TokenId id : result.topk_ids)
      require(settings_.vocabulary == 0 || id < settings_.vocabulary,
              "teacher: token " + std::to_string(id) + " is likely to it and not in the policy's vocabulary");
    candidates.push_back({.logprobs = std::move(result.logprobs),
                          .student_logprobs = std::move(result.gathered),
                          .topk_ids = std::move(result.topk_ids),
                          .topk_logprobs = std::move(result.topk_logprobs),
                          .sampler_logprobs = {},
                          .version = other_ || settings_.base ? -1 : scoring});
  }
  const std::size_t rows = turn.completion.ids.size();
  const auto choice = choose_hint(settings_.hint_choice, fitting, candidates, turn.completion.topk_ids, rows);
  verdict.chosen_hint = index[static_cast<std::size_t>(choice.hint)];
  verdict.teacher = chosen_scores(choice, std::move(candidates), rows);
  if (settings_.subset == "teacher" && width(turn) > 0) add_sampler_logprobs(turn, verdict.teacher);
}

/// The turn without a hint, then with each of `hints` that fits, at the sampler's top-k.
std::vector<ScoreResult> Teacher::plain_and_hinted(const Turn& turn, const std::vector<std::string>& hints) const {
  std::vector<ScoreRequest> requests = {request_for(turn, turn.prompt)};
  for (const std::string& hint : hints) {
    auto request = request_for(turn, hinted_prompt(tokenizer_, template_, turn, hint));
    if (static_cast<std::int64_t>(request.ids.size()) <= teaching().max_positions)
      requests.push_back(std::move(request));
  }
  if (requests.size() == 1) return {};
  for (auto& request : requests) {
    request.gather_width = static_cast<std::int32_t>(width(turn));
    request.gather_ids = turn.completion.topk_ids;
  }
  return teaching().score(version(turn), requests);
}

/// A hint is compared by its pull on the reply, a user's praise by the reply itself; a complaint without a hint, and
/// what no user said, by nothing.
std::optional<float> Teacher::agreement_of(const Turn& turn, const Verdict& verdict,
                                           const std::vector<std::string>& earlier_hints) const {
  const bool hinted = verdict.chosen_hint >= 0;
  const std::vector<float>& pulled = verdict.teacher.student_logprobs;
  const bool praised = verdict.score > 0 && (verdict.origin == "user" || users_words(turn));
  if (earlier_hints.empty() || (hinted ? pulled.empty() : !praised)) return std::nullopt;
  const auto results = plain_and_hinted(turn, earlier_hints);
  if (results.empty()) return std::nullopt;
  const ScoreResult& plain = results.front();
  double lowest = 1;
  for (std::size_t i = 1; i < results.size(); ++i)
    lowest = std::min(lowest, hinted ? hint_agreement(plain.gathered, pulled, results[i].gathered, width(turn))
                                     : praise_agreement(plain.logprobs, results[i].logprobs));
  return static_cast<float>(lowest);
}

/// Left empty when the version that sampled the turn is gone: the sample is then excluded, never guessed.
void Teacher::add_sampler_logprobs(const Turn& turn, TeacherScores& scores) const {
  const auto& sampled = turn.completion.versions;
  const auto versions = scorer_.versions();
  if (sampled.empty() || std::adjacent_find(sampled.begin(), sampled.end(), std::not_equal_to<>()) != sampled.end() ||
      !std::binary_search(versions.begin(), versions.end(), sampled.front()))
    return;
  auto request = request_for(turn, turn.prompt);
  request.gather_width = static_cast<std::int32_t>(width(turn));
  request.gather_ids = scores.topk_ids;
  scores.sampler_logprobs = score_one(sampled.front(), std::move(request)).gathered;
}

void Teacher::score(const Turn& turn, Verdict& verdict, const std::vector<std::string>& earlier_hints) const {
  if (!worth_scoring(turn)) return;
  if (!verdict.hints.empty()) score_hints(turn, verdict);
  verdict.hint_agreement = agreement_of(turn, verdict, earlier_hints);
  if (settings_.reference) {
    require(scorer_.versions().front() == 0, "teacher: trainer.kl_beta > 0 needs policy version 0 on this rank");
    verdict.reference_logprobs = score_one(0, request_for(turn, turn.prompt)).logprobs;
  }
}

}  // namespace clawrl
