#pragma once
// Reference cases of a fixture model, and a small driver that feeds sequences to a policy.

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "model/policy.hpp"
#include "model/safetensors.hpp"
#include "support/fixtures.hpp"

namespace clawrl::test {

struct ModelCase {
  std::string name;
  std::vector<TokenId> ids;
  std::vector<std::int32_t> logit_positions;
  std::vector<TokenId> greedy32;
};

inline std::vector<ModelCase> model_cases(const std::filesystem::path& json_file) {
  std::ifstream in(json_file);
  std::vector<ModelCase> cases;
  const auto parsed = nlohmann::json::parse(in);
  for (const auto& entry : parsed.at("cases"))
    cases.push_back({entry.at("name"), entry.at("ids"), entry.at("logit_positions"),
                     entry.value("greedy32", std::vector<TokenId>())});
  require(!cases.empty(), json_file.string() + ": holds no cases");
  return cases;
}

/// The models of the fixtures, and those that $CLAWRL_ORACLE_MODELS names: paths separated by colons, each a folder
/// with config.json, cases.json and logits.safetensors or a parent of such. Sorted; a path without any is an error.
inline std::vector<std::filesystem::path> model_folders() {
  std::vector<std::filesystem::path> named{fixture("models")}, folders;
  const char* more = std::getenv("CLAWRL_ORACLE_MODELS");
  std::istringstream list(more ? more : "");
  for (std::string path; std::getline(list, path, ':');)
    if (!path.empty()) named.emplace_back(path);
  auto is_model = [](const std::filesystem::path& path) { return std::filesystem::exists(path / "cases.json"); };
  for (const auto& path : named) {
    require(std::filesystem::is_directory(path), path.string() + ": is not a folder");
    const auto before = folders.size();
    if (is_model(path)) folders.push_back(path);
    for (const auto& entry : std::filesystem::directory_iterator(path))
      if (is_model(entry.path())) folders.push_back(entry.path());
    require(folders.size() > before, path.string() + ": holds no model with a cases.json");
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

/// A reference tensor as doubles; empty if the file has none of that name.
inline std::vector<double> reference(const SafetensorsFile& file, const std::string& name) {
  const auto* view = file.find(name);
  if (view == nullptr) return {};
  std::vector<double> values(static_cast<std::size_t>(view->elements()));
  expect(view->type == DType::f64, "reference tensors are f64: " + name);
  std::memcpy(values.data(), view->data, view->bytes());
  return values;
}

inline double largest_gap(const float* values, const double* wanted, std::size_t count) {
  double gap = 0;
  for (std::size_t i = 0; i < count; ++i) gap = std::max(gap, std::abs(static_cast<double>(values[i]) - wanted[i]));
  return gap;
}

inline double logprob(std::span<const float> logits, TokenId id, double temperature) {
  double highest = logits[0], sum = 0;
  for (auto x : logits) highest = std::max(highest, static_cast<double>(x));
  for (auto x : logits) sum += std::exp((x - highest) / temperature);
  return (logits[static_cast<std::size_t>(id)] - highest) / temperature - std::log(sum);
}

inline TokenId most_likely(std::span<const float> logits) {
  return static_cast<TokenId>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

/// One sequence in the paged cache. Blocks are taken from the top of the pool in turns, so that they are not in order.
struct CachedSequence {
  std::int64_t version = 0;
  std::vector<std::int32_t> blocks;
  std::int32_t length = 0;
};

struct Feed {
  CachedSequence* sequence;
  std::span<const TokenId> tokens;
  bool want_logits = false;
};

class Feeder {
 public:
  Feeder(Policy& policy, std::int32_t num_blocks, std::int32_t block_size)
      : policy_(policy), free_(num_blocks), block_size_(block_size) {
    policy.allocate_cache(num_blocks, block_size);
  }

  /// One step; logits of the wanted sequences, one row each.
  std::vector<std::vector<float>> step(std::span<const Feed> feeds) {
    std::vector<SequenceStep> steps;
    for (const auto& feed : feeds) {
      auto& s = *feed.sequence;
      const auto after = s.length + static_cast<std::int32_t>(feed.tokens.size());
      while (static_cast<std::int32_t>(s.blocks.size()) * block_size_ < after) s.blocks.push_back(--free_);
      expect(free_ >= 0, "the test's KV cache is too small");
      steps.push_back({s.version, feed.tokens, s.length, s.blocks, feed.want_logits});
    }
    const auto logits = policy_.step(steps);
    for (const auto& feed : feeds) feed.sequence->length += static_cast<std::int32_t>(feed.tokens.size());
    const auto width = static_cast<std::size_t>(policy_.config().vocab_size);
    std::vector<std::vector<float>> rows;
    for (std::size_t at = 0; at < logits.size(); at += width) rows.emplace_back(&logits[at], &logits[at] + width);
    return rows;
  }

  std::vector<float> logits(CachedSequence& sequence, std::span<const TokenId> tokens) {
    const Feed feed{&sequence, tokens, true};
    return step({&feed, 1}).at(0);
  }

 private:
  Policy& policy_;
  std::int32_t free_, block_size_;
};

}  // namespace clawrl::test
