#include "demo/complaint_memory.hpp"

#include <algorithm>

#include "feedback/words.hpp"

namespace clawrl::demo {
namespace {

std::set<std::string> words_of(const std::string& text) {
  std::set<std::string> words;
  for (Word& word : split_words(text)) words.insert(std::move(word.text));
  return words;
}

/// Jaccard: words in common, of all words.
double similarity(const std::set<std::string>& a, const std::set<std::string>& b) {
  const auto common = std::count_if(a.begin(), a.end(), [&](const std::string& word) { return b.contains(word); });
  const auto all = static_cast<double>(a.size() + b.size()) - static_cast<double>(common);
  return all > 0 ? static_cast<double>(common) / all : 0;
}

}  // namespace

void ComplaintMemory::add(const std::string& task, const std::string& complaint) {
  const std::lock_guard lock(mutex_);
  entries_.push_back({words_of(task), complaint});
}

std::vector<std::string> ComplaintMemory::similar(const std::string& task, int count) const {
  const std::set<std::string> words = words_of(task);
  const std::lock_guard lock(mutex_);
  std::vector<std::pair<double, std::size_t>> ranked;
  for (std::size_t i = 0; i < entries_.size(); ++i) ranked.emplace_back(similarity(words, entries_[i].words), i);
  std::sort(ranked.rbegin(), ranked.rend());
  std::vector<std::string> found;
  for (const auto& [score, index] : ranked) {
    if (static_cast<int>(found.size()) >= count) break;
    const std::string& complaint = entries_[index].complaint;
    if (std::find(found.begin(), found.end(), complaint) == found.end()) found.push_back(complaint);
  }
  return found;
}

}  // namespace clawrl::demo
