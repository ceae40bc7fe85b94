#include "roles/prompt_scores.hpp"

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

std::vector<TokenLogprob> shown_prompt(const messages::PromptScored& scored, const std::vector<TokenId>& prompt,
                                       std::string_view text, const Tokenizer& tokenizer) {
  const std::size_t width = scored.logprobs.empty() ? 0 : scored.topk_ids.size() / scored.logprobs.size();
  std::vector<TokenLogprob> shown;
  shown.reserve(prompt.size());
  for (std::size_t i = 0; i < prompt.size(); ++i) {
    TokenLogprob token{std::string(tokenizer.bytes_of(prompt[i])), std::numeric_limits<float>::quiet_NaN(), {}};
    if (i == 0 && !text.starts_with(token.text)) token.text.clear();
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
