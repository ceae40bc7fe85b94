#include "roles/learning_facts.hpp"

#include <algorithm>

namespace clawrl {
namespace {

constexpr std::size_t most_words = 2000;  // of a reply

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  for (Word& word : split_words(text)) words.push_back(std::move(word.text));
  return words;
}

double mean_surprise(const std::vector<float>& logprobs) {
  double sum = 0;
  for (const float value : logprobs) sum -= value;
  return logprobs.empty() ? 0 : sum / static_cast<double>(logprobs.size());
}

}  // namespace

bool LearningFacts::copies_hint(const std::string& reply) const {
  std::vector<std::string> words = words_of(reply);
  words.resize(std::min(words.size(), most_words));
  return std::any_of(hints_.begin(), hints_.end(), [&](const std::vector<std::string>& hint) {
    const auto length = static_cast<std::ptrdiff_t>(std::min(run, hint.size()));
    if (hint.size() < shortest) return false;
    for (auto begin = hint.begin(); hint.end() - begin >= length; ++begin)
      if (std::search(words.begin(), words.end(), begin, begin + length) != words.end()) return true;
    return false;
  });
}

JudgedFacts LearningFacts::of(const Turn& turn, const Verdict& verdict, double advantage) {
  JudgedFacts facts;
  std::size_t valid = 0, agreeing = 0;
  for (const auto& vote : verdict.votes) {
    valid += vote.has_value();
    agreeing += vote == verdict.score;
  }
  if (valid > 0) facts.score = verdict.score;
  if (!verdict.votes.empty())
    facts.agreement = static_cast<double>(agreeing) / static_cast<double>(verdict.votes.size());
  facts.hinted = verdict.chosen_hint >= 0;
  facts.copies_hint = copies_hint(turn.reply);
  facts.advantage = advantage;
  facts.tokens = static_cast<double>(turn.completion.ids.size());
  facts.entropy = mean_surprise(turn.completion.logprobs_t1);
  if (facts.hinted) {
    hints_.push_back(words_of(verdict.hints.at(static_cast<std::size_t>(verdict.chosen_hint))));
    if (hints_.size() > most_hints) hints_.pop_front();
  }
  return facts;
}

}  // namespace clawrl
