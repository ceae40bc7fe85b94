#pragma once
// Struct <-> bytes with cereal's binary archive (same machine type on all ranks). Structs list their fields in a
// template member `serialize`. Throws UserError on truncated bytes.

#include <cereal/archives/binary.hpp>
#include <cereal/types/map.hpp>
#include <cereal/types/optional.hpp>
#include <cereal/types/string.hpp>
#include <cereal/types/utility.hpp>
#include <cereal/types/vector.hpp>
#include <cstddef>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "core/error.hpp"

namespace clawrl {

template <class T>
std::vector<std::byte> pack(const T& value) {
  std::ostringstream stream(std::ios::binary);
  cereal::BinaryOutputArchive archive(stream);
  archive(value);
  const std::string text = std::move(stream).str();
  const auto* begin = reinterpret_cast<const std::byte*>(text.data());
  return {begin, begin + text.size()};
}

template <class T>
T unpack(std::span<const std::byte> bytes) {
  std::istringstream stream(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()), std::ios::binary);
  T value;
  try {
    cereal::BinaryInputArchive archive(stream);
    archive(value);
  } catch (const cereal::Exception& error) {
    throw UserError(std::string("damaged message or record: ") + error.what());
  }
  return value;
}

}  // namespace clawrl
