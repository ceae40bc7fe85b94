#pragma once
// What the CPU kernels of this folder share. Reductions are written with vector types because the compiler may not
// reorder float sums itself; a function marked CLAWRL_CLONES is compiled for several instruction sets and the program
// picks one when it starts.

#include <bit>
#include <cstdint>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define CLAWRL_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLAWRL_CLONES
#endif
#define CLAWRL_INLINE inline __attribute__((always_inline))

namespace clawrl::simd {

constexpr std::int64_t width = 8;
using Vector = float __attribute__((vector_size(width * sizeof(float)), aligned(sizeof(float)), may_alias));

CLAWRL_INLINE const Vector& at(const float* x) {
  return *reinterpret_cast<const Vector*>(x);
}
CLAWRL_INLINE Vector& at(float* x) {
  return *reinterpret_cast<Vector*>(x);
}

/// bf16 values become float in registers: the upper half of the bits, exactly.
using Halves = std::uint16_t __attribute__((vector_size(width * 2), aligned(2), may_alias));
CLAWRL_INLINE void load(Vector& to, const std::uint16_t* x) {
  using Words = std::uint32_t __attribute__((vector_size(width * 4)));
  const Words words = __builtin_convertvector(*reinterpret_cast<const Halves*>(x), Words) << 16;
  to = (Vector)words;  // GCC and clang: the same bits
}
CLAWRL_INLINE void load(Vector& to, const float* x) {
  to = at(x);
}

/// Element i of `sums` becomes the sum of v[i]'s elements, always added in the same order.
CLAWRL_INLINE void sum_each(const Vector* v, float* sums) {
  Vector pair[4], quad[2];
  for (int i = 0; i < 4; ++i)
    pair[i] = __builtin_shufflevector(v[2 * i], v[2 * i + 1], 0, 8, 2, 10, 4, 12, 6, 14) +
              __builtin_shufflevector(v[2 * i], v[2 * i + 1], 1, 9, 3, 11, 5, 13, 7, 15);
  for (int i = 0; i < 2; ++i)
    quad[i] = __builtin_shufflevector(pair[2 * i], pair[2 * i + 1], 0, 1, 8, 9, 4, 5, 12, 13) +
              __builtin_shufflevector(pair[2 * i], pair[2 * i + 1], 2, 3, 10, 11, 6, 7, 14, 15);
  at(sums) = __builtin_shufflevector(quad[0], quad[1], 0, 1, 2, 3, 8, 9, 10, 11) +
             __builtin_shufflevector(quad[0], quad[1], 4, 5, 6, 7, 12, 13, 14, 15);
}

CLAWRL_INLINE float sum(const Vector& v) {
  return ((v[0] + v[1]) + (v[2] + v[3])) + ((v[4] + v[5]) + (v[6] + v[7]));
}

/// Sum of a[i] * b[i], i < n.
CLAWRL_INLINE float dot(const float* a, const float* b, std::int64_t n) {
  Vector even{}, odd{};
  std::int64_t i = 0;
  for (; i + 2 * width <= n; i += 2 * width) {
    even += at(a + i) * at(b + i);
    odd += at(a + i + width) * at(b + i + width);
  }
  even += odd;
  float total = sum(even);
  for (; i < n; ++i) total += a[i] * b[i];
  return total;
}

/// Sum of a[i] * b[i] * c[i], i < n.
CLAWRL_INLINE float dot(const float* a, const float* b, const float* c, std::int64_t n) {
  Vector all{};
  std::int64_t i = 0;
  for (; i + width <= n; i += width) all += at(a + i) * at(b + i) * at(c + i);
  float total = sum(all);
  for (; i < n; ++i) total += a[i] * b[i] * c[i];
  return total;
}

/// to[i] += scale * x[i], i < n; the two do not overlap.
CLAWRL_INLINE void add_scaled(float* __restrict to, const float* __restrict x, float scale, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) to[i] += scale * x[i];
}

/// Largest of x[0..n), n >= 1.
CLAWRL_INLINE float largest(const float* x, std::int64_t n) {
  float result = x[0];
  std::int64_t i = 0;
  if (n >= width) {
    Vector best = at(x);
    for (i = width; i + width <= n; i += width) best = at(x + i) > best ? at(x + i) : best;
    for (int j = 0; j < width; ++j) result = best[j] > result ? best[j] : result;
  }
  for (; i < n; ++i) result = x[i] > result ? x[i] : result;
  return result;
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
