#pragma once
// Running mean and deviation of the reward, one pair per key: "<request_type()>/<policy line>".

#include <map>
#include <string>

namespace clawrl {

/// Exponential with a half-life in turns, corrected for the short start: after one reward the mean is that reward.
class RunningBaseline {
 public:
  explicit RunningBaseline(double half_life_turns);
  double mean(const std::string& key) const;       // 0 before the first reward
  double deviation(const std::string& key) const;  // 1 before the second reward, never below 0.1
  void add(const std::string& key, double reward);

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
