#pragma once
// XXH3 of bytes: what a tensor is checked with on its way through a network, a disk or a restart.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "core/parameter_view.hpp"

namespace clawrl {

std::uint64_t checksum(std::span<const std::byte> bytes);

/// Of names, shapes and bytes of all views (host memory), in order: 16 hexadecimal digits.
std::string weights_hash(std::span<const ParameterView> views);

}  // namespace clawrl
