#include "roles/learning_facts.hpp"

#include <algorithm>
#include <map>
#include <vector>

#include "feedback/words.hpp"

namespace clawrl {
namespace {

constexpr std::size_t most_words = 2000;  // of a text

using Runs = std::unordered_set<std::string>;

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  for (Word& word : split_words(text)) words.push_back(std::move(word.text));
  words.resize(std::min(words.size(), most_words));
  return words;
}

/// Linear in the words, for the head's thread.
Runs runs_of(const std::vector<std::string>& words, std::size_t length) {
  Runs runs;
  for (std::size_t begin = 0; begin + length <= words.size(); ++begin) {
    std::string run;
    for (std::size_t i = begin; i < begin + length; ++i) run += words[i] + ' ';
    runs.insert(std::move(run));
  }
  return runs;
}

double mean_surprise(const std::vector<float>& logprobs) {
  double sum = 0;
  for (const float value : logprobs) sum -= value;
  return logprobs.empty() ? 0 : sum / static_cast<double>(logprobs.size());
}

}  // namespace

bool LearningFacts::copies_hint(const std::string& reply) const {
  const std::vector<std::string> words = words_of(reply);
  std::map<std::size_t, Runs> said;  // by length
  return std::any_of(hints_.begin(), hints_.end(), [&](const Hint& hint) {
    const auto known = said.find(hint.run);
    const Runs& runs =
        known != said.end() ? known->second : said.emplace(hint.run, runs_of(words, hint.run)).first->second;
    return std::any_of(hint.runs.begin(), hint.runs.end(), [&](const std::string& run) { return runs.contains(run); });
  });
}

void LearningFacts::remember(const std::string& hint) {
  const std::vector<std::string> words = words_of(hint);
  if (words.size() < shortest_run) return;
  const std::size_t run = std::min(longest_run, words.size());
  hints_.push_back({run, runs_of(words, run)});
  if (hints_.size() > most_hints) hints_.pop_front();
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
  if (facts.hinted) remember(verdict.hints.at(static_cast<std::size_t>(verdict.chosen_hint)));
  return facts;
}

}  // namespace clawrl
