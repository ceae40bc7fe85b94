#pragma once
// Writing weights that are never in memory as a whole. Internal to convert/.

#include <cstdint>
#include <optional>
#include <string>

#include "convert/convert.hpp"
#include "convert/tensor_source.hpp"

namespace clawrl {

/// Writes `source` into `folder`: model.safetensors, or model-00001-of-0000N.safetensors and their index when the
/// weights are larger than `file_bytes`. `type`: what floating-point tensors become; nullopt = as they are.
ConvertResult write_weights(const TensorSource& source, const std::string& folder, std::optional<DType> type,
                            std::uint64_t file_bytes);

}  // namespace clawrl
