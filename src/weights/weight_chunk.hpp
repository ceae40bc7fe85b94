#pragma once
// The unit that travels: a slice of one parameter of one version. The bytes are the envelope's payload.

#include <cstdint>

namespace clawrl {

struct WeightChunk {
  static constexpr std::uint16_t type_id = 40;
  std::int64_t version = 0;
  std::int32_t parameter = 0;   // index into the views; the same order on both sides
  std::int32_t parameters = 0;  // how many there are in all
  std::int64_t offset = 0;      // bytes
  std::int64_t parameter_bytes = 0;
  std::uint64_t parameter_checksum = 0;  // XXH3 of the whole parameter
  template <class Archive>
  void serialize(Archive& archive) {
    archive(version, parameter, parameters, offset, parameter_bytes, parameter_checksum);
  }
};

}  // namespace clawrl
