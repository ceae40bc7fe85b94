#include "journal/record_codec.hpp"

#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace clawrl::journal {
namespace {

constexpr std::byte format{4};  // counts up when a serialised struct changes
constexpr std::size_t header = 1 + sizeof(XXH64_hash_t);

}  // namespace

Blob seal(std::span<const std::byte> packed) {
  const XXH64_hash_t checksum = XXH3_64bits(packed.data(), packed.size());
  Blob sealed(header + packed.size());
  sealed[0] = format;
  std::memcpy(sealed.data() + 1, &checksum, sizeof checksum);
  if (!packed.empty()) std::memcpy(sealed.data() + header, packed.data(), packed.size());
  return sealed;
}

std::span<const std::byte> unseal(std::span<const std::byte> sealed, const std::string& what) {
  require(sealed.size() >= header, what + " is damaged (too short)");
  require(sealed[0] == format, what + " has record format " + std::to_string(std::to_integer<int>(sealed[0])) +
                                   ", this clawrl reads format " + std::to_string(std::to_integer<int>(format)));
  XXH64_hash_t stored = 0;
  std::memcpy(&stored, sealed.data() + 1, sizeof stored);
  const auto packed = sealed.subspan(header);
  require(stored == XXH3_64bits(packed.data(), packed.size()), what + " is damaged (checksum does not fit)");
  return packed;
}

}  // namespace clawrl::journal
