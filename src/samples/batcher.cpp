#include "samples/batcher.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <string_view>

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

Batcher::Batcher(const SamplesConfig& settings, std::uint64_t seed, std::size_t lines)
    : settings_(settings),
      seed_(seed),
      capacity_(std::max<std::size_t>(
          1024, std::max<std::size_t>(16, lines) *
                    static_cast<std::size_t>(std::max(settings.batch, settings.smallest_step)))) {}

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
  for (auto& [line, window] : windows_)
    std::erase_if(window, [&](const TrainingSample& other) { return other.id.turn == turn; });
  std::erase_if(windows_, [](const auto& entry) { return entry.second.empty(); });
}

void Batcher::drop_stale(const PolicyLines& lines) {
  const auto stale = [&](const TrainingSample& s) {
    return lines.age(s.line, s.version) > max_staleness(settings_, s.origin == "feedback");
  };
  std::erase_if(waiting_, [&](const Waiting& w) {
    if (!stale(w.sample)) return false;
    dropped_.emplace_back(w.sample.id, "stale");
    return true;
  });
  for (auto& [line, window] : windows_) std::erase_if(window, stale);
}

bool Batcher::has_batch() const {
  return !due_line(std::numeric_limits<double>::lowest()).empty();
}

bool Batcher::will_have_batch() const {
  return !due_line(std::numeric_limits<double>::max()).empty();
}

/// A line that waited too long comes before one with a whole batch, so that a busy one cannot keep it waiting.
std::string Batcher::due_line(double aged_s) const {
  std::map<std::string_view, std::size_t> all, counts;
  for (const Waiting& one : waiting_) ++all[one.sample.line];
  if (settings_.partial_batch_age_s > 0)
    for (const Waiting& one : waiting_)
      if (one.since_s <= aged_s && all[one.sample.line] >= least(one.sample.line)) return one.sample.line;
  for (const Waiting& one : waiting_)
    if (++counts[one.sample.line] >= most(one.sample.line)) return one.sample.line;
  return {};
}

std::size_t Batcher::replayable(const std::string& line) const {
  const auto found = windows_.find(line);
  return found == windows_.end() ? 0 : std::min(static_cast<std::size_t>(settings_.replay), found->second.size());
}

std::size_t Batcher::least(const std::string& line) const {
  const std::size_t wanted = static_cast<std::size_t>(settings_.smallest_step), old = replayable(line);
  return wanted > old ? std::max<std::size_t>(1, wanted - old) : 1;
}

std::size_t Batcher::most(const std::string& line) const {
  return std::max(static_cast<std::size_t>(settings_.batch), least(line));
}

std::optional<Batch> Batcher::next(const PolicyLines& lines, double now_s) {
  drop_stale(lines);
  Batch batch;
  batch.line = due_line(now_s - settings_.partial_batch_age_s);
  if (batch.line.empty()) return {};
  const auto replay = replayed(batch.line, lines.steps(batch.line) + 1);  // before this step's own enter the window
  const std::size_t fresh = most(batch.line);
  std::deque<Waiting> left;
  for (Waiting& one : waiting_)
    if (one.sample.line == batch.line && batch.samples.size() < fresh)
      batch.samples.push_back(std::move(one.sample));
    else
      left.push_back(std::move(one));
  waiting_ = std::move(left);
  batch.fresh = batch.samples.size();
  for (const TrainingSample& sample : batch.samples) remember(sample);
  batch.samples.insert(batch.samples.end(), replay.begin(), replay.end());
  return batch;
}

void Batcher::remember(const TrainingSample& sample) {
  auto& window = windows_[sample.line];
  window.push_back(sample);
  while (window.size() > static_cast<std::size_t>(settings_.replay_window)) window.pop_front();
}

void Batcher::restore_window(std::vector<TrainingSample> used) {
  windows_.clear();
  for (const auto& sample : used) {
    std::erase_if(windows_[sample.line], [&](const TrainingSample& other) { return other.id.turn == sample.id.turn; });
    remember(sample);
  }
}

std::vector<TrainingSample> Batcher::replayed(const std::string& line, std::int64_t step) const {
  const auto found = windows_.find(line);
  if (found == windows_.end()) return {};
  const std::deque<TrainingSample>& window = found->second;
  const std::size_t count = replayable(line);
  std::vector<std::size_t> order(window.size());
  std::iota(order.begin(), order.end(), 0);
  std::uint64_t state = seed_ ^ (static_cast<std::uint64_t>(step) * 0xD1342543DE82EF95ULL);
  for (std::size_t i = 0; i < count; ++i) std::swap(order[i], order[i + mix(state) % (order.size() - i)]);
  std::sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count));
  std::vector<TrainingSample> chosen;
  for (std::size_t i = 0; i < count; ++i) {
    chosen.push_back(window[order[i]]);
    chosen.back().origin = "replay";
  }
  return chosen;
}

}  // namespace clawrl
