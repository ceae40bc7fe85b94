#include "samples/batcher.hpp"

#include <algorithm>
#include <numeric>

#include "core/error.hpp"

namespace clawrl {
namespace {

/// SplitMix64: the same numbers on every machine.
std::uint64_t mix(std::uint64_t& state) {
  std::uint64_t z = state += 0x9E3779B97F4A7C15ULL;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

}  // namespace

Batcher::Batcher(const SamplesConfig& settings, std::uint64_t seed)
    : settings_(settings),
      seed_(seed),
      capacity_(std::max<std::size_t>(1024, 16 * static_cast<std::size_t>(settings.batch))) {}

void Batcher::add(TrainingSample sample, double now_s) {
  expect(!full(), "Batcher::add() above its capacity of " + std::to_string(capacity_));
  drop(sample.id.turn, "superseded");
  waiting_.push_back({std::move(sample), now_s});
}

void Batcher::drop(TurnId turn, const std::string& reason) {
  std::erase_if(waiting_, [&](const Waiting& other) {
    if (other.sample.id.turn != turn) return false;
    dropped_.emplace_back(other.sample.id, reason);
    return true;
  });
  std::erase_if(window_, [&](const TrainingSample& other) { return other.id.turn == turn; });
}

void Batcher::drop_stale(std::int64_t newest_version) {
  const auto stale = [&](const TrainingSample& s) {
    return newest_version - s.version > max_staleness(settings_, s.origin == "feedback");
  };
  std::erase_if(waiting_, [&](const Waiting& w) {
    if (!stale(w.sample)) return false;
    dropped_.emplace_back(w.sample.id, "stale");
    return true;
  });
  std::erase_if(window_, stale);
}

std::optional<Batch> Batcher::next(std::int64_t step, std::int64_t newest_version, double now_s) {
  drop_stale(newest_version);
  const auto wanted = static_cast<std::size_t>(settings_.batch);
  const bool aged = settings_.partial_batch_age_s > 0 && !waiting_.empty() &&
                    now_s - waiting_.front().since_s >= settings_.partial_batch_age_s;
  if (waiting_.size() < wanted && !aged) return {};

  Batch batch;
  batch.fresh = std::min(wanted, waiting_.size());
  const auto replay = replayed(step);  // before this step's own samples enter the window
  for (std::size_t i = 0; i < batch.fresh; ++i) {
    batch.samples.push_back(std::move(waiting_.front().sample));
    waiting_.pop_front();
    remember(batch.samples.back());
  }
  batch.samples.insert(batch.samples.end(), replay.begin(), replay.end());
  return batch;
}

void Batcher::remember(const TrainingSample& sample) {
  window_.push_back(sample);
  while (window_.size() > static_cast<std::size_t>(settings_.replay_window)) window_.pop_front();
}

void Batcher::restore_window(std::vector<TrainingSample> used) {
  window_.clear();
  for (const auto& sample : used) {
    std::erase_if(window_, [&](const TrainingSample& other) { return other.id.turn == sample.id.turn; });
    remember(sample);
  }
}

std::vector<TrainingSample> Batcher::replayed(std::int64_t step) const {
  const std::size_t count = std::min(static_cast<std::size_t>(settings_.replay), window_.size());
  std::vector<std::size_t> order(window_.size());
  std::iota(order.begin(), order.end(), 0);
  std::uint64_t state = seed_ ^ (static_cast<std::uint64_t>(step) * 0xD1342543DE82EF95ULL);
  for (std::size_t i = 0; i < count; ++i) std::swap(order[i], order[i + mix(state) % (order.size() - i)]);
  std::sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count));
  std::vector<TrainingSample> chosen;
  for (std::size_t i = 0; i < count; ++i) {
    chosen.push_back(window_[order[i]]);
    chosen.back().origin = "replay";
  }
  return chosen;
}

}  // namespace clawrl
