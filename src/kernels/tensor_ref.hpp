#pragma once
// A matrix in host memory that somebody else owns: what kernels read and write.

#include <cstdint>
#include <span>

namespace clawrl {

/// [rows, columns], contiguous, row major. Valid as long as its owner's buffer.
template <class T>
struct TensorRef {
  T* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::span<T> row(std::int64_t i) const { return {data + i * columns, static_cast<std::size_t>(columns)}; }
};

/// Logits as Policy::step returns them: [N,V].
inline TensorRef<const float> rows_of(std::span<const float> values, std::int64_t columns) {
  return {values.data(), columns > 0 ? static_cast<std::int64_t>(values.size()) / columns : 0, columns};
}

}  // namespace clawrl
