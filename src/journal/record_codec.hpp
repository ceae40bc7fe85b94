#pragma once
// Struct <-> sealed blob: [u8 format][u64 checksum of the rest][packed bytes]. Internal to journal/.

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "comm/wire.hpp"

namespace clawrl::journal {

using Blob = std::vector<std::byte>;

Blob seal(std::span<const std::byte> packed);
/// The packed bytes inside. UserError "<what> is damaged ..." when format or checksum do not fit.
std::span<const std::byte> unseal(std::span<const std::byte> sealed, const std::string& what);

template <class T>
Blob encode(const T& value) {
  return seal(pack(value));
}

template <class T>
T decode(std::span<const std::byte> sealed, const std::string& what) {
  return unpack<T>(unseal(sealed, what));
}

}  // namespace clawrl::journal
