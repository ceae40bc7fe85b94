#include "roles/prompt_scores.hpp"

#include <algorithm>
#include <limits>

namespace clawrl {

messages::PromptScored score_prompt(Policy& policy, std::int64_t newest, const messages::ScorePrompt& asked) {
  messages::PromptScored answer;
  answer.id = asked.id;
  if (asked.ids.size() < 2) return answer;
  ScoreRequest request;
  request.ids = asked.ids;
  request.top_k = asked.top_k;
  try {
    ScoreResult scored = std::move(policy.score(asked.version.value_or(newest), {&request, 1}).front());
    answer.logprobs = std::move(scored.logprobs);
    answer.topk_ids = std::move(scored.topk_ids);
    answer.topk_logprobs = std::move(scored.topk_logprobs);
  } catch (const std::exception& error) {
    answer.error = error.what();
  }
  return answer;
}

bool PromptScoreQueue::hold(const GenerateRequest& request) {
  const auto found =
      std::find_if(waiting_.begin(), waiting_.end(), [&](const Waiting& one) { return one.asked.id == request.id; });
  if (found == waiting_.end()) return false;
  found->then = request;
  return true;
}

void PromptScoreQueue::cancel(RequestId id) {
  std::erase_if(waiting_, [&](const Waiting& one) { return one.asked.id == id; });
}

std::optional<PromptScoreQueue::Waiting> PromptScoreQueue::take(std::deque<Waiting>::iterator one) {
  if (one == waiting_.end()) return std::nullopt;
  Waiting taken = std::move(*one);
  waiting_.erase(one);
  return taken;
}

std::optional<PromptScoreQueue::Waiting> PromptScoreQueue::take() {
  return take(waiting_.begin());
}

std::optional<PromptScoreQueue::Waiting> PromptScoreQueue::take_of(std::int64_t version) {
  return take(
      std::find_if(waiting_.begin(), waiting_.end(), [&](const Waiting& one) { return one.asked.version == version; }));
}

namespace {

/// A token's text as the prompt has it: what the tokenizer put in front (a special token, a blank) is not in it.
std::string text_at_begin(TokenId id, bool first, std::string_view prompt, const Tokenizer& tokenizer) {
  const std::string_view bytes = tokenizer.bytes_of(id);
  if (prompt.starts_with(bytes)) return std::string(bytes);
  if (bytes.starts_with(' ') && prompt.starts_with(bytes.substr(1))) return std::string(bytes.substr(1));
  return tokenizer.is_special(id) || first ? std::string() : std::string(bytes);
}

}  // namespace

std::vector<TokenLogprob> shown_prompt(const messages::PromptScored& scored, const std::vector<TokenId>& prompt,
                                       std::string_view text, const Tokenizer& tokenizer) {
  const std::size_t width = scored.logprobs.empty() ? 0 : scored.topk_ids.size() / scored.logprobs.size();
  std::vector<TokenLogprob> shown;
  shown.reserve(prompt.size());
  for (std::size_t i = 0; i < prompt.size(); ++i) {
    TokenLogprob token{std::string(tokenizer.bytes_of(prompt[i])), std::numeric_limits<float>::quiet_NaN(), {}};
    const bool begins = std::all_of(shown.begin(), shown.end(), [](const auto& one) { return one.text.empty(); });
    if (begins) token.text = text_at_begin(prompt[i], i == 0, text, tokenizer);
    if (i > 0) token.logprob = scored.logprobs.at(i - 1);
    for (std::size_t k = 0; i > 0 && k < width; ++k) {
      const std::size_t at = (i - 1) * width + k;
      token.top.emplace_back(std::string(tokenizer.bytes_of(scored.topk_ids[at])), scored.topk_logprobs[at]);
    }
    shown.push_back(std::move(token));
  }
  return shown;
}

}  // namespace clawrl
