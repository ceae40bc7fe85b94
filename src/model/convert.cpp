// Number formats of weights. Files may place tensors at odd addresses, hence memcpy.
#include <bit>
#include <cmath>
#include <cstring>

#include "core/error.hpp"
#include "model/safetensors.hpp"

namespace clawrl {
namespace {

template <DType>
struct Codec;

template <>
struct Codec<DType::f32> {
  using Stored = float;
  static float decode(float x) { return x; }
  static float encode(float x) { return x; }
};

template <>
struct Codec<DType::bf16> {
  using Stored = std::uint16_t;
  static float decode(Stored x) { return std::bit_cast<float>(static_cast<std::uint32_t>(x) << 16); }
  static Stored encode(float x) {
    const auto bits = std::bit_cast<std::uint32_t>(x);
    if ((bits & 0x7FFFFFFFU) > 0x7F800000U) return static_cast<Stored>((bits >> 16) | 0x40U);  // stays a NaN
    return static_cast<Stored>((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
  }
};

template <>
struct Codec<DType::f16> {
  using Stored = std::uint16_t;
  static float decode(Stored x) {
    const std::uint32_t sign = static_cast<std::uint32_t>(x & 0x8000U) << 16;
    const float scaled = std::bit_cast<float>(static_cast<std::uint32_t>(x & 0x7FFFU) << 13) * 0x1p112F;
    const std::uint32_t special = scaled >= 65536.0F ? 0x7F800000U : 0U;  // infinity and NaN
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(scaled) | special | sign);
  }
  static Stored encode(float x) {
    const auto bits = std::bit_cast<std::uint32_t>(x);
    const auto sign = static_cast<Stored>((bits >> 16) & 0x8000U);
    const std::uint32_t magnitude = bits & 0x7FFFFFFFU;
    if (magnitude > 0x7F800000U) return sign | 0x7E00U;   // NaN
    if (magnitude >= 0x477FF000U) return sign | 0x7C00U;  // rounds to infinity
    if (magnitude < 0x38800000U)                          // subnormal: a multiple of 2^-24, ties to even
      return sign | static_cast<Stored>(std::nearbyint(std::ldexp(std::bit_cast<float>(magnitude), 24)));
    const std::uint32_t rounded = magnitude + 0xFFFU + ((magnitude >> 13) & 1U);
    return sign | static_cast<Stored>((rounded - (112U << 23)) >> 13);
  }
};

template <DType from_type, DType to_type>
void convert_all(const void* from, void* to, std::int64_t count) {
  using From = Codec<from_type>;
  using To = Codec<to_type>;
  const auto* source = static_cast<const char*>(from);
  auto* target = static_cast<char*>(to);
  for (std::int64_t i = 0; i < count; ++i) {
    typename From::Stored in;
    std::memcpy(&in, source + i * static_cast<std::int64_t>(sizeof(in)), sizeof(in));
    const typename To::Stored out = To::encode(From::decode(in));
    std::memcpy(target + i * static_cast<std::int64_t>(sizeof(out)), &out, sizeof(out));
  }
}

template <DType from_type>
void convert_from(const ParameterView& from, const ParameterView& to) {
  if (to.type == DType::f32) return convert_all<from_type, DType::f32>(from.data, to.data, from.elements());
  if (to.type == DType::bf16) return convert_all<from_type, DType::bf16>(from.data, to.data, from.elements());
  convert_all<from_type, DType::f16>(from.data, to.data, from.elements());
}

bool is_real(DType type) {
  return type == DType::f32 || type == DType::bf16 || type == DType::f16;
}

}  // namespace

void convert(const ParameterView& from, const ParameterView& to) {
  require(from.elements() == to.elements(),
          "tensor " + from.name + ": cannot be converted to another number of elements");
  expect(from.space == MemorySpace::host && to.space == MemorySpace::host,
         "convert works on host memory: " + from.name);
  if (from.type == to.type) {
    if (from.bytes() > 0) std::memcpy(to.data, from.data, from.bytes());
    return;
  }
  require(is_real(from.type) && is_real(to.type), "tensor " + from.name + ": cannot be converted from " +
                                                      name(from.type) + " to " + name(to.type) +
                                                      "; allowed: f32, bf16, f16");
  if (from.type == DType::f32) return convert_from<DType::f32>(from, to);
  if (from.type == DType::bf16) return convert_from<DType::bf16>(from, to);
  convert_from<DType::f16>(from, to);
}

}  // namespace clawrl
