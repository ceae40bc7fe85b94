#pragma once
// Request types of the samples in a step, so that what the trainers measure can be told apart by them.

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/training_sample.hpp"
#include "core/turn.hpp"
#include "journal/journal_reader.hpp"

namespace clawrl {

/// Head thread only. Bounded: types that are not remembered are read from the journal again.
class SampleTypes {
 public:
  void remember(const Turn& turn);
  /// Per sample its slot in names(), which is made anew. A turn that `journal` has no more is of type "unknown".
  std::vector<std::uint8_t> slots_of(const std::vector<TrainingSample>& samples, const JournalReader& journal);
  const std::vector<std::string>& names() const { return names_; }

 private:
  std::string type_of(TurnId id, const JournalReader& journal);
  std::unordered_map<TurnId, std::string> known_;
  std::vector<std::string> names_;
};

}  // namespace clawrl
