#include "metrics/learning_monitor.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace clawrl {
namespace {

using Turns = std::deque<JudgedFacts>;

template <class Get>
double mean(const Turns& turns, Get get) {
  double sum = 0;
  for (const JudgedFacts& one : turns) sum += get(one);
  return turns.empty() ? 0 : sum / static_cast<double>(turns.size());
}

/// Over the turns that have a score.
template <class Get>
double scored_mean(const Turns& turns, Get get) {
  double sum = 0, count = 0;
  for (const JudgedFacts& one : turns)
    if (one.score) {
      sum += get(one);
      ++count;
    }
  return count > 0 ? sum / count : 0;
}

double mean_tokens(const Turns& turns) {
  return mean(turns, [](const JudgedFacts& one) { return one.tokens; });
}
double mean_entropy(const Turns& turns) {
  return mean(turns, [](const JudgedFacts& one) { return one.entropy; });
}
double invalid_share(const Turns& turns) {
  return mean(turns, [](const JudgedFacts& one) { return one.score ? 0.0 : 1.0; });
}
double copied_share(const Turns& turns) {
  return mean(turns, [](const JudgedFacts& one) { return one.copies_hint ? 1.0 : 0.0; });
}

/// Share of the commonest score, and which; 0 while half of the turns have none.
std::pair<double, int> commonest_score(const Turns& turns) {
  std::array<std::size_t, 3> counts{};
  for (const JudgedFacts& one : turns)
    if (one.score) ++counts[static_cast<std::size_t>(std::clamp(*one.score, -1, 1) + 1)];
  const std::size_t all = counts[0] + counts[1] + counts[2];
  const auto most = std::max_element(counts.begin(), counts.end());
  if (all * 2 < turns.size() || all == 0) return {0, 0};
  return {static_cast<double>(*most) / static_cast<double>(all), static_cast<int>(most - counts.begin()) - 1};
}

template <class... Values>
std::string format(const char* pattern, Values... values) {
  char text[200];
  std::snprintf(text, sizeof text, pattern, values...);
  return text;
}

}  // namespace

const std::vector<std::string>& LearningMonitor::alarm_names() {
  static const std::vector<std::string> names{"length_doubling", "entropy_rise", "vote_collapse", "judge_invalid",
                                              "hint_copying"};
  return names;
}

/// Empty while the first and the newest turns are the same.
std::vector<LearningMonitor::Reading> LearningMonitor::rises(const Series& series) const {
  const std::size_t count = limits_.rise_window;
  if (series.newest.size() < count || series.turns <= static_cast<std::int64_t>(count)) return {};
  const Turns& first = series.first;
  const Turns newest(series.newest.end() - static_cast<std::ptrdiff_t>(count), series.newest.end());
  const double length = mean_tokens(newest), length_before = std::max(1.0, mean_tokens(first));
  const double entropy = mean_entropy(newest), entropy_before = mean_entropy(first);
  return {{"length_doubling", length / length_before / limits_.length_factor,
           format("replies have %.0f tokens, at first %.0f", length, length_before)},
          {"entropy_rise", (entropy - entropy_before) / limits_.entropy_rise,
           format("entropy is %.2f nats per token, at first %.2f", entropy, entropy_before)}};
}

std::vector<LearningMonitor::Reading> LearningMonitor::shares(const Series& series) const {
  const Turns& newest = series.newest;
  if (newest.size() < limits_.window) return {};
  std::vector<Reading> readings;
  const auto [same, score] = commonest_score(newest);
  readings.push_back(
      {"vote_collapse", same / limits_.same_score,
       format("%.0f %% of the verdicts are %+d: nothing is left to learn, or the judge says the same to all",
              100 * same, score)});
  const double invalid = invalid_share(newest);
  readings.push_back(
      {"judge_invalid", invalid / limits_.invalid,
       format("%.0f %% of the turns got no valid vote: does the judge end with \\boxed{1}, \\boxed{-1} or \\boxed{0} "
              "within prm.max_tokens?",
              100 * invalid)});
  const double copied = copied_share(newest);
  readings.push_back(
      {"hint_copying", copied / limits_.copies, format("%.0f %% of the replies repeat a hint's words", 100 * copied)});
  return readings;
}

std::vector<LearningAlarm> LearningMonitor::add(const std::string& line, const std::string& type,
                                                const JudgedFacts& facts) {
  Series& series = series_[{line, type}];
  ++series.turns;
  if (series.first.size() < limits_.rise_window) series.first.push_back(facts);
  series.newest.push_back(facts);
  if (series.newest.size() > limits_.window) series.newest.pop_front();
  std::vector<LearningAlarm> changed;
  std::vector<Reading> readings = rises(series);
  for (Reading& reading : shares(series)) readings.push_back(std::move(reading));
  for (const Reading& reading : readings) {
    bool& on = series.on[reading.name];
    if (on ? reading.share >= limits_.release : reading.share < 1) continue;
    on = !on;
    changed.push_back({reading.name, line, type, on, reading.text});
  }
  return changed;
}

void LearningMonitor::add_step(const std::string& line, const std::string& type, std::optional<double> approx_kl,
                               std::optional<double> gap) {
  Series& series = series_[{line, type}];
  series.approx_kl = approx_kl.value_or(series.approx_kl);
  series.gap = gap.value_or(series.gap);
}

std::vector<LearningMonitor::View> LearningMonitor::views() const {
  std::vector<View> views;
  for (const auto& [key, series] : series_) {
    View view{key.first, key.second, {}, {}};
    LearningMeans& means = view.means;
    const Turns& turns = series.newest;
    means.turns = series.turns;
    means.approx_kl = series.approx_kl;
    means.gap = series.gap;
    means.reward = scored_mean(turns, [](const JudgedFacts& one) { return *one.score; });
    means.agreement = scored_mean(turns, [](const JudgedFacts& one) { return one.agreement; });
    means.invalid = invalid_share(turns);
    means.hinted = mean(turns, [](const JudgedFacts& one) { return one.hinted ? 1.0 : 0.0; });
    means.copies = copied_share(turns);
    means.advantage = mean(turns, [](const JudgedFacts& one) { return one.advantage; });
    means.tokens = mean_tokens(turns);
    means.entropy = mean_entropy(turns);
    for (const std::string& name : alarm_names()) {
      const auto found = series.on.find(name);
      view.alarms[name] = found != series.on.end() && found->second;
    }
    views.push_back(std::move(view));
  }
  return views;
}

}  // namespace clawrl
