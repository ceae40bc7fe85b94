#include "roles/sample_types.hpp"

#include <algorithm>

#include "samples/request_type.hpp"

namespace clawrl {
namespace {

constexpr std::size_t most_known = 4096;

}  // namespace

void SampleTypes::remember(const Turn& turn) {
  if (known_.size() >= most_known) known_.clear();
  known_[turn.id] = request_type(turn);
}

std::string SampleTypes::type_of(TurnId id, const JournalReader& journal) {
  if (const auto found = known_.find(id); found != known_.end()) return found->second;
  const auto turn = journal.turn(id);
  if (!turn) return "unknown";
  remember(*turn);
  return known_.at(id);
}

std::vector<std::uint8_t> SampleTypes::slots_of(const std::vector<TrainingSample>& samples,
                                                const JournalReader& journal) {
  names_.clear();
  std::vector<std::uint8_t> slots;
  for (const TrainingSample& sample : samples) {
    const std::string type = type_of(sample.id.turn, journal);
    auto found = std::find(names_.begin(), names_.end(), type);
    if (found == names_.end()) found = names_.insert(names_.end(), type);
    slots.push_back(static_cast<std::uint8_t>(found - names_.begin()));
  }
  return slots;
}

}  // namespace clawrl
