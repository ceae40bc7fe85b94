#pragma once
// Identifiers that cross stages, each its own type so that they cannot be mixed up.

#include <compare>
#include <cstdint>
#include <functional>
#include <string>

namespace clawrl {

using TokenId = std::int32_t;

/// One HTTP request or judge call while it is being generated; unique per head process.
struct RequestId {
  std::uint64_t value = 0;
  auto operator<=>(const RequestId&) const = default;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(value);
  }
};

/// A turn's row in the journal; unique for the life of the journal, increasing in order of creation.
struct TurnId {
  std::int64_t value = 0;
  auto operator<=>(const TurnId&) const = default;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(value);
  }
};

/// A training sample is a turn judged once: late or withdrawn feedback makes a new revision.
struct SampleId {
  TurnId turn;
  std::int32_t revision = 0;
  auto operator<=>(const SampleId&) const = default;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(turn, revision);
  }
};

/// A set of weights. `number` grows for ever within a line and is never used for two sets of bits.
struct PolicyVersion {
  std::string line = "main";  // policy line: "main" or a user
  std::int64_t number = 0;    // 0 = the weights that the run started from
  std::string base_id;        // hash of the base weights
  std::string adapter_id;     // empty when fully trained
  auto operator<=>(const PolicyVersion&) const = default;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(line, number, base_id, adapter_id);
  }
};

}  // namespace clawrl

template <>
struct std::hash<clawrl::RequestId> {
  std::size_t operator()(const clawrl::RequestId& id) const noexcept { return std::hash<std::uint64_t>{}(id.value); }
};
template <>
struct std::hash<clawrl::TurnId> {
  std::size_t operator()(const clawrl::TurnId& id) const noexcept { return std::hash<std::int64_t>{}(id.value); }
};
