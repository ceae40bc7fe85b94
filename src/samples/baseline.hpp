#pragma once
// Running mean and deviation of the reward, one pair per key: "<request_type()>/<policy line>[/<user>][/step<n>]".

#include <map>
#include <string>

namespace clawrl {

/// Exponential with a half-life in turns, corrected for the short start: after one reward the mean is that reward.
class RunningBaseline {
 public:
  explicit RunningBaseline(double half_life_turns);
  double mean(const std::string& key) const;       // 0 before the first reward
  double deviation(const std::string& key) const;  // 1 before the second reward, never below 0.1
  /// At most most_keys are kept: above it the one with the fewest rewards is forgotten.
  void add(const std::string& key, double reward);
  static constexpr std::size_t most_keys = 20000;

  struct Moments {
    double weight = 0, sum = 0, squares = 0;
    int count = 0;
    template <class Archive>
    void serialize(Archive& archive) {
      archive(weight, sum, squares, count);
    }
  };
  /// For checkpoints.
  const std::map<std::string, Moments>& state() const { return moments_; }
  void restore(std::map<std::string, Moments> state) { moments_ = std::move(state); }

 private:
  double decay_;
  std::map<std::string, Moments> moments_;
};

}  // namespace clawrl
