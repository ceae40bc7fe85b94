#pragma once
// The receiving end of WeightPublisher: fills the shadow sets of this rank's policies.

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "comm/mailbox.hpp"
#include "model/policy.hpp"
#include "weights/weight_chunk.hpp"

namespace clawrl {

/// Runs on the thread that drives MPI. A version is complete when all its bytes are in and every parameter's checksum
/// agrees; it becomes visible only when the owner of a policy calls publish() afterwards.
class WeightReceiver {
 public:
  struct Outcome {
    std::int64_t version = 0;
    std::int64_t bytes = 0;
    std::string error;  // empty = complete; else what did not agree, and the version was discarded
  };

  /// `policies`: all of this rank that follow the trainer (each gets a copy); they must outlive the receiver's use.
  /// `done` is called once per version.
  WeightReceiver(std::vector<Policy*> policies, std::function<void(const Outcome&)> done)
      : policies_(std::move(policies)), done_(std::move(done)) {}

  void take(const Envelope& envelope);

 private:
  struct Incoming {
    std::vector<std::vector<ParameterView>> shadows;  // one list per policy
    std::vector<std::int64_t> missing;                // bytes per parameter
    std::int64_t bytes = 0;
    std::int32_t parameters_missing = 0;
  };
  Incoming& incoming(const WeightChunk& chunk);
  void finish(std::int64_t version, const std::string& error);

  std::vector<Policy*> policies_;
  std::function<void(const Outcome&)> done_;
  std::map<std::int64_t, Incoming> incoming_;
};

}  // namespace clawrl
