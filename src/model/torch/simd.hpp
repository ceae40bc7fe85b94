#pragma once
// What the CPU kernels of this folder share. Reductions are written with vector types because the compiler may not
// reorder float sums itself; a function marked CLAWRL_CLONES is compiled for several instruction sets and the program
// picks one when it starts.

#include <bit>
#include <cstdint>
#include <cstring>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define CLAWRL_CLONES __attribute__((target_clones("avx512f", "fma", "default")))
#else
#define CLAWRL_CLONES
#endif
#define CLAWRL_INLINE inline __attribute__((always_inline))

namespace clawrl::simd {

constexpr std::int64_t width = 8;
using Vector = float __attribute__((vector_size(width * sizeof(float)), aligned(sizeof(float)), may_alias));

CLAWRL_INLINE float sum8(const float* parts) {
  return ((parts[0] + parts[4]) + (parts[2] + parts[6])) + ((parts[1] + parts[5]) + (parts[3] + parts[7]));
}

/// Sum of a[i] * b[i], i < n.
CLAWRL_INLINE float dot(const float* a, const float* b, std::int64_t n) {
  Vector sum0{}, sum1{};
  std::int64_t i = 0;
  for (; i + 2 * width <= n; i += 2 * width) {
    sum0 += *reinterpret_cast<const Vector*>(a + i) * *reinterpret_cast<const Vector*>(b + i);
    sum1 += *reinterpret_cast<const Vector*>(a + i + width) * *reinterpret_cast<const Vector*>(b + i + width);
  }
  sum0 += sum1;
  float parts[width];
  std::memcpy(parts, &sum0, sizeof(parts));
  float total = sum8(parts);
  for (; i < n; ++i) total += a[i] * b[i];
  return total;
}

/// Sum of a[i] * b[i] * c[i], i < n.
CLAWRL_INLINE float dot(const float* a, const float* b, const float* c, std::int64_t n) {
  Vector sum{};
  std::int64_t i = 0;
  for (; i + width <= n; i += width)
    sum += *reinterpret_cast<const Vector*>(a + i) * *reinterpret_cast<const Vector*>(b + i) *
           *reinterpret_cast<const Vector*>(c + i);
  float parts[width];
  std::memcpy(parts, &sum, sizeof(parts));
  float total = sum8(parts);
  for (; i < n; ++i) total += a[i] * b[i] * c[i];
  return total;
}

/// to[i] += scale * x[i], i < n; the two do not overlap.
CLAWRL_INLINE void add_scaled(float* __restrict to, const float* __restrict x, float scale, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) to[i] += scale * x[i];
}

/// e^x to about 2 units in the last place, without branches or calls so that loops over it vectorise.
CLAWRL_INLINE float exp(float x) {
  x = x < -87.0F ? -87.0F : x;
  x = x > 88.0F ? 88.0F : x;
  const float shifted = x * 1.44269504F + 12582912.0F;  // 1.5 * 2^23: the sum's low bits are the rounded integer
  const float n = shifted - 12582912.0F;
  const float r = (x - n * 0.693359375F) + n * 2.12194440e-4F;  // ln 2 in two parts
  float p = 1.0F / 720.0F;
  p = p * r + 1.0F / 120.0F;
  p = p * r + 1.0F / 24.0F;
  p = p * r + 1.0F / 6.0F;
  p = p * r + 0.5F;
  p = p * r + 1.0F;
  p = p * r + 1.0F;
  const auto power = (std::bit_cast<std::int32_t>(shifted) - std::bit_cast<std::int32_t>(12582912.0F) + 127) << 23;
  return p * std::bit_cast<float>(power);
}

}  // namespace clawrl::simd
