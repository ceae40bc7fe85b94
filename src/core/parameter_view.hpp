#pragma once
// The common tongue of weights, checkpoint and comm: a named tensor somewhere in memory.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace clawrl {

enum class DType : std::uint8_t { f32, bf16, f16, i64, f64, i32, u8 };
enum class MemorySpace : std::uint8_t { host, cuda };

inline std::size_t size_of(DType type) {
  static constexpr std::size_t sizes[] = {4, 2, 2, 8, 8, 4, 1};
  return sizes[static_cast<int>(type)];
}

inline const char* name(DType type) {
  static const char* const names[] = {"f32", "bf16", "f16", "i64", "f64", "i32", "u8"};
  return names[static_cast<int>(type)];
}

/// Does not own; the maker says how long `data` lives. Contiguous, row major.
struct ParameterView {
  std::string name;  // Hugging Face name, e.g. model.layers.0.mlp.up_proj.weight
  DType type = DType::f32;
  std::vector<std::int64_t> shape;
  void* data = nullptr;
  MemorySpace space = MemorySpace::host;

  std::int64_t elements() const {
    std::int64_t n = 1;
    for (auto extent : shape) n *= extent;
    return n;
  }
  std::size_t bytes() const { return static_cast<std::size_t>(elements()) * size_of(type); }
};

}  // namespace clawrl
