#pragma once
// A policy that is nothing but its weight sets: shadows, published ones and what became of each.

#include <algorithm>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "model/policy.hpp"

namespace clawrl::test {

using Shape = std::vector<std::int64_t>;

/// Parameters from a tensor of 2 bytes to one of 16 KiB; with deterministic contents of their own for every version.
class WeightSet {
 public:
  explicit WeightSet(const std::vector<std::pair<DType, Shape>>& kinds = standard()) {
    for (std::size_t i = 0; i < kinds.size(); ++i) {
      ParameterView view{"layers." + std::to_string(i) + ".weight", kinds[i].first, kinds[i].second, nullptr,
                         MemorySpace::host};
      view.data = bytes_.emplace_back(view.bytes()).data();
      views_.push_back(view);
    }
  }
  static const std::vector<std::pair<DType, Shape>>& standard() {
    static const std::vector<std::pair<DType, Shape>> kinds = {
        {DType::f32, {3, 5}},  {DType::f32, {64, 64}}, {DType::bf16, {1}},        {DType::bf16, {33, 7}},
        {DType::f32, {2, 64}}, {DType::f32, {257}},    {DType::bf16, {2, 2, 50}}, {DType::f32, {61, 9}}};
    return kinds;
  }
  void fill(std::int64_t version) {
    for (std::size_t i = 0; i < bytes_.size(); ++i)
      for (std::size_t at = 0; at < bytes_[i].size(); ++at)
        bytes_[i][at] = std::byte((at * 131 + at / 251 + i * 17 + static_cast<std::size_t>(version) * 29) & 255U);
  }
  bool operator==(const WeightSet& other) const { return bytes_ == other.bytes_; }
  const std::vector<ParameterView>& views() const { return views_; }
  std::int64_t bytes() const {
    std::int64_t sum = 0;
    for (const ParameterView& view : views_) sum += static_cast<std::int64_t>(view.bytes());
    return sum;
  }
  WeightSet(const WeightSet&) = delete;
  WeightSet& operator=(const WeightSet&) = delete;

 private:
  std::deque<std::vector<std::byte>> bytes_;
  std::vector<ParameterView> views_;
};

class ShadowPolicy final : public Policy {
 public:
  explicit ShadowPolicy(std::vector<std::pair<DType, Shape>> kinds = WeightSet::standard())
      : kinds_(std::move(kinds)) {}

  const ModelConfig& config() const override { return config_; }
  void allocate_cache(std::int32_t, std::int32_t) override {}
  std::span<const float> step(std::span<const SequenceStep>) override { return {}; }
  std::vector<ScoreResult> score(std::int64_t, std::span<const ScoreRequest>) override { return {}; }
  std::vector<ParameterView> shadow(std::int64_t version) override {
    return sets_.try_emplace(version, kinds_).first->second.views();
  }
  void publish(std::int64_t version) override {
    expect(sets_.contains(version), "published without a shadow");
    published_.push_back(version);
  }
  void discard(std::int64_t version) override {
    discarded.push_back(version);
    sets_.erase(version);
    std::erase(published_, version);
  }
  std::vector<std::int64_t> versions() const override { return published_; }
  std::vector<ParameterView> parameters(std::int64_t version) override { return sets_.at(version).views(); }

  bool holds(std::int64_t version) const { return sets_.contains(version); }
  const WeightSet& weights(std::int64_t version) const { return sets_.at(version); }
  std::vector<std::int64_t> discarded;

 private:
  ModelConfig config_;
  std::vector<std::pair<DType, Shape>> kinds_;
  std::map<std::int64_t, WeightSet> sets_;
  std::vector<std::int64_t> published_;
};

}  // namespace clawrl::test
