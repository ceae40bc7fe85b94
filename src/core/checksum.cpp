#include "core/checksum.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <array>
#include <cstdio>

namespace clawrl {

std::uint64_t checksum(std::span<const std::byte> bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

std::string weights_hash(std::span<const ParameterView> views) {
  std::uint64_t hash = 0;
  for (const ParameterView& view : views) {
    hash = XXH3_64bits_withSeed(view.name.data(), view.name.size(), hash);
    hash = XXH3_64bits_withSeed(view.shape.data(), view.shape.size() * sizeof(view.shape[0]), hash);
    hash = XXH3_64bits_withSeed(view.data, view.bytes(), hash);
  }
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(hash));
  return text.data();
}

}  // namespace clawrl
