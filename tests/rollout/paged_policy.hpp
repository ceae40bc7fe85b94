#pragma once
// A model without weights whose logits depend on the version and on every token, position and version that it finds
// in its own paged cache: a wrong block table, a stale block or a wrong position gives other logits.

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <set>
#include <stdexcept>
#include <vector>

#include "kernels/sampling.hpp"
#include "kernels/with_kernels.hpp"
#include "model/policy.hpp"
#include "rollout/append.hpp"
#include "rollout/engine.hpp"

namespace clawrl::test {

inline std::uint64_t fold(std::uint64_t state, std::uint64_t value) {
  state = (state ^ value) * 0x9E3779B97F4A7C15ULL;
  return state ^ state >> 29;
}

class PagedPolicy : public Policy {
 public:
  explicit PagedPolicy(std::int64_t vocabulary = 40, std::int64_t max_positions = 32768) {
    config_.vocab_size = vocabulary;
    config_.max_positions = max_positions;
  }

  static std::uint64_t slot_state(std::uint64_t before, std::int64_t version, TokenId token, std::int32_t position) {
    return fold(fold(fold(before, static_cast<std::uint64_t>(version) + 1), static_cast<std::uint64_t>(token) + 7),
                static_cast<std::uint64_t>(position) + 13);
  }
  /// Logits of a state that has seen all slots.
  std::vector<float> logits_of(std::uint64_t state) const {
    std::vector<float> row;
    for (std::int64_t v = 0; v < config_.vocab_size; ++v) {
      row.push_back(static_cast<float>(fold(state, static_cast<std::uint64_t>(v)) >> 40) * 0x1p-24F * 4 - 2);
    }
    return row;
  }
  /// The same without any cache.
  std::vector<float> logits_of(std::int64_t version, std::span<const TokenId> tokens) const {
    std::uint64_t state = 0;
    std::uint64_t seen = 0;
    for (std::size_t p = 0; p < tokens.size(); ++p) {
      state = slot_state(state, version, tokens[p], static_cast<std::int32_t>(p));
      seen = fold(seen, state);
    }
    return logits_of(seen);
  }

  const ModelConfig& config() const override { return config_; }
  void allocate_cache(std::int32_t num_blocks, std::int32_t block_size) override {
    if (!slots_.empty()) throw std::logic_error("cache allocated twice");
    block_size_ = block_size;
    slots_.assign(static_cast<std::size_t>(num_blocks) * block_size, {-1, 0xBADBADBADULL});
  }

  std::span<const float> step(std::span<const SequenceStep> sequences) override {
    if (on_step) on_step(sequences);
    for (const auto& s : sequences) write(s);
    logits_.clear();
    for (const auto& s : sequences) {
      if (!s.want_logits) continue;
      auto row = read(s);
      if (s.tokens.back() == nan_token) row[3] = std::numeric_limits<float>::quiet_NaN();
      logits_.insert(logits_.end(), row.begin(), row.end());
    }
    return logits_;
  }

  std::vector<ScoreResult> score(std::int64_t, std::span<const ScoreRequest>) override { return {}; }
  std::vector<ParameterView> shadow(std::int64_t) override { return {}; }
  void publish(std::int64_t version) override { published_.insert(version); }
  void discard(std::int64_t version) override { published_.erase(version); }
  std::vector<std::int64_t> versions() const override { return {published_.begin(), published_.end()}; }
  std::vector<ParameterView> parameters(std::int64_t) override { return {}; }

  std::function<void(std::span<const SequenceStep>)> on_step;  // may throw
  TokenId nan_token = -1;                                      // logits after this token are not finite
  std::int64_t impure_reads = 0;                               // slots of another version that were read
  std::int64_t written = 0;                                    // tokens computed

 private:
  struct Slot {
    std::int64_t version;
    std::uint64_t state;
  };
  Slot& slot(const SequenceStep& s, std::int32_t position) {
    const auto block = s.blocks[static_cast<std::size_t>(position / block_size_)];
    return slots_.at(static_cast<std::size_t>(block * block_size_ + position % block_size_));
  }
  void write(const SequenceStep& s) {
    if (!published_.contains(s.version)) throw std::logic_error("step on a version that is not loaded");
    const auto end = s.first_position + static_cast<std::int32_t>(s.tokens.size());
    if (s.tokens.empty() || s.blocks.size() * block_size_ < static_cast<std::size_t>(end)) {
      throw std::logic_error("block table too short");
    }
    for (std::int32_t p = s.first_position; p < end; ++p) {
      const std::uint64_t before = p == 0 ? 0 : slot(s, p - 1).state;
      slot(s, p) = {s.version, slot_state(before, s.version, s.tokens[p - s.first_position], p)};
      ++written;
    }
  }
  std::vector<float> read(const SequenceStep& s) {
    std::uint64_t seen = 0;
    for (std::int32_t p = 0; p < s.first_position + static_cast<std::int32_t>(s.tokens.size()); ++p) {
      const Slot& found = slot(s, p);
      impure_reads += found.version != s.version;
      seen = fold(seen, found.state);
    }
    return logits_of(seen);
  }

  ModelConfig config_;
  std::int32_t block_size_ = 0;
  std::vector<Slot> slots_;
  std::set<std::int64_t> published_{0};
  std::vector<float> logits_;
};

/// What a request must give on `version`, computed alone and without a cache.
inline Completion generate_alone(const PagedPolicy& policy, const GenerateRequest& request, std::int64_t version,
                                 std::int32_t context) {
  Completion out;
  auto tokens = request.prompt;
  const auto& stop = request.stop;
  kernels::TokenCounts counts(request.sampling, request.prompt);
  while (out.finish == FinishReason::none) {
    const auto logits = policy.logits_of(version, tokens);
    const kernels::SamplingRow row{request.sampling, out.ids.size(), request.record_top_k, {}, counts.all()};
    std::vector<kernels::SampledToken> drawn(1);
    kernels::sample(rows_of(logits, policy.config().vocab_size), std::span(&row, 1), drawn);
    tokens.push_back(drawn[0].id);
    counts.add(drawn[0].id);
    Completion part;
    part.ids = {drawn[0].id};
    part.logprobs = {drawn[0].logprob};
    part.logprobs_t1 = {drawn[0].logprob_t1};
    part.topk_ids = drawn[0].topk_ids;
    part.topk_logprobs = drawn[0].topk_logprobs;
    part.versions = {version};
    part.sampling = request.sampling;
    if (static_cast<std::int32_t>(out.ids.size()) + 1 == stop.max_tokens ||
        static_cast<std::int32_t>(tokens.size()) == context) {
      part.finish = FinishReason::length;
    }
    for (auto id : stop.stop_tokens) part.finish = id == drawn[0].id ? FinishReason::stop : part.finish;
    append(out, part);
  }
  return out;
}

inline GenerateRequest request_of(std::uint64_t id, std::vector<TokenId> prompt, std::int32_t max_tokens) {
  GenerateRequest request;
  request.id = {id};
  request.prompt = std::move(prompt);
  request.stop.max_tokens = max_tokens;
  request.sampling.seed = id * 31 + 5;
  return request;
}

/// `length` tokens that differ from other seeds' early on.
inline std::vector<TokenId> tokens_of(std::int32_t length, std::uint64_t seed, TokenId vocabulary = 40) {
  std::vector<TokenId> out;
  for (std::int32_t i = 0; i < length; ++i) {
    out.push_back(static_cast<TokenId>(fold(fold(seed, 99), static_cast<std::uint64_t>(i)) >> 20) % vocabulary);
    if (out.back() < 0) out.back() += vocabulary;
  }
  return out;
}

/// Collects deltas; checks that nothing follows a finish.
struct Collector {
  std::map<RequestId, Completion> completions;
  bool late = false;
  void take(Engine& engine) {
    for (const auto& delta : engine.take_deltas()) {
      Completion& whole = completions[delta.id];
      late = late || whole.finish != FinishReason::none;
      append(whole, delta.part);
    }
  }
  Completion& operator[](std::uint64_t id) { return completions[RequestId{id}]; }
  void run(Engine& engine) {
    while (engine.step()) take(engine);
    take(engine);
  }
};

inline bool same_reply(const Completion& a, const Completion& b) {
  return a.ids == b.ids && a.logprobs == b.logprobs && a.logprobs_t1 == b.logprobs_t1 && a.topk_ids == b.topk_ids &&
         a.topk_logprobs == b.topk_logprobs && a.versions == b.versions && a.sampling == b.sampling &&
         a.finish == b.finish;
}

/// True when no block is referenced and none is lost.
inline bool blocks_settled(const Engine& engine, const EngineSettings& settings) {
  const auto s = engine.statistics();
  return s.used_blocks == 0 && s.free_blocks + s.idle_blocks == settings.num_blocks && s.running == 0 && s.waiting == 0;
}

}  // namespace clawrl::test
