#pragma once
// How learning goes, per policy line and request type: means over the newest judged turns, and alarms for the known
// ways in which it fails. What "normal" is, the first turns of this process say; a restart begins anew.

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace clawrl {

/// What one judged turn shows.
struct JudgedFacts {
  std::optional<int> score;  // -1, 0, +1; nothing without a valid vote
  double agreement = 0;      // share of the asked votes that said the score; counts where there is one
  bool hinted = false;       // a hint was chosen
  bool copies_hint = false;  // the reply repeats a hint that was given for an earlier turn
  double advantage = 0;      // mean over the reply's tokens, 0 without a sample
  double tokens = 0;         // of the reply
  double entropy = 0;        // nats per token: mean -log p of the sampled tokens at temperature 1, an estimate
};

struct LearningMeans {
  std::int64_t turns = 0;  // since the start
  double reward = 0, agreement = 0, invalid = 0, hinted = 0, copies = 0, advantage = 0, tokens = 0, entropy = 0;
  double approx_kl = 0, gap = 0;  // of the newest step that took such samples: old - new, |trainer - sampler|
};

/// Shares are those of the newest `window` turns; a rise is of the newest `rise_window` turns over the first so many,
/// fewer, since a policy may fall apart within a short run. An alarm that is on goes off below `release` times its
/// limit, so that it does not flutter.
struct AlarmLimits {
  std::size_t window = 50, rise_window = 20;
  double length_factor = 2;   // length_doubling: tokens against the first turns
  double entropy_rise = 0.5;  // entropy_rise: nats above the first turns
  double same_score = 0.98;   // vote_collapse: share of the commonest score among all the scores
  double invalid = 0.5;       // judge_invalid: turns without a valid vote
  double copies = 0.2;        // hint_copying: share of replies
  double release = 0.9;
};

struct LearningAlarm {
  std::string name, line, type;
  bool on = false;   // it begins; else it ends
  std::string text;  // one sentence with the figures
};

/// Not thread-safe.
class LearningMonitor {
 public:
  explicit LearningMonitor(AlarmLimits limits = {}) : limits_(limits) {}

  /// Takes a turn in; what begins or ends with it.
  std::vector<LearningAlarm> add(const std::string& line, const std::string& type, const JudgedFacts& facts);

  /// What a step measured on samples of the type; what it did not stays as it was.
  void add_step(const std::string& line, const std::string& type, std::optional<double> approx_kl,
                std::optional<double> gap);

  struct View {
    std::string line, type;
    LearningMeans means;
    std::map<std::string, bool> alarms;  // every alarm by its name: is it on
  };
  std::vector<View> views() const;  // by line, then type
  static const std::vector<std::string>& alarm_names();

 private:
  struct Series {
    std::int64_t turns = 0;
    double approx_kl = 0, gap = 0;
    std::deque<JudgedFacts> first, newest;  // of at most `rise_window` and `window` turns
    std::map<std::string, bool> on;
  };
  /// How far an alarm's figure is, 1 = at its limit, and what to say.
  struct Reading {
    const char* name;
    double share;
    std::string text;
  };
  std::vector<Reading> rises(const Series& series) const;
  std::vector<Reading> shares(const Series& series) const;

  AlarmLimits limits_;
  std::map<std::pair<std::string, std::string>, Series> series_;
};

}  // namespace clawrl
