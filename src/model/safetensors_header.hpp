#pragma once
// The JSON header of a safetensors file, read without trust: memory and depth are bounded by what the format allows.

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/parameter_view.hpp"

namespace clawrl {

struct StoredTensor {
  std::string name;
  DType type = DType::f32;
  std::vector<std::int64_t> shape;
  std::size_t begin = 0, end = 0;  // of its bytes, from the end of the header
};

struct SafetensorsHeader {
  std::vector<StoredTensor> tensors;  // sorted by name; their bytes follow each other without gap or overlap
  std::map<std::string, std::string> metadata;
};

/// Throws UserError naming `path` and the tensor: JSON of another form, a name twice, an unknown type, a shape that
/// overflows, offsets beyond `data_bytes`, that do not fit the shape, overlap or leave bytes to no tensor.
SafetensorsHeader parse_safetensors_header(std::string_view json, std::size_t data_bytes, const std::string& path);

/// "BF16"; InternalError for a type that the format lacks.
const char* safetensors_name(DType type);

}  // namespace clawrl
