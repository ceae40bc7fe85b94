#pragma once
// Struct <-> bytes in cereal's binary format (same machine type on all ranks). Structs list their fields in a template
// member `serialize`. Throws UserError on truncated, damaged or surplus bytes.

#include <cereal/types/map.hpp>
#include <cereal/types/optional.hpp>
#include <cereal/types/string.hpp>
#include <cereal/types/utility.hpp>
#include <cereal/types/vector.hpp>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "comm/wire_archive.hpp"
#include "core/error.hpp"

namespace clawrl {

template <class T>
std::vector<std::byte> pack(const T& value) {
  WireWriter archive;
  archive(value);
  return archive.take();
}

template <class T>
T unpack(std::span<const std::byte> bytes) {
  T value;
  WireReader archive(bytes);
  try {
    archive(value);
  } catch (const cereal::Exception& error) {
    throw UserError(std::string("damaged message or record: ") + error.what());
  }
  require(archive.left() == 0, "damaged message or record: " + std::to_string(archive.left()) + " bytes too many");
  return value;
}

}  // namespace clawrl
