#include "core/checksum.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <array>
#include <cstdio>

namespace clawrl {

std::uint64_t checksum(std::span<const std::byte> bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

std::string hex(std::uint64_t value) {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(value));
  return text.data();
}

struct WeightsHasher::State {
  XXH3_state_t xxh;
};

WeightsHasher::WeightsHasher() : state_(std::make_unique<State>()) {
  XXH3_INITSTATE(&state_->xxh);
}
WeightsHasher::~WeightsHasher() = default;

void WeightsHasher::start(const std::string& name, std::span<const std::int64_t> shape) {
  finish_tensor();
  hash_ = XXH3_64bits_withSeed(name.data(), name.size(), hash_);
  hash_ = XXH3_64bits_withSeed(shape.data(), shape.size_bytes(), hash_);
  XXH3_64bits_reset_withSeed(&state_->xxh, hash_);
  open_ = true;
}

void WeightsHasher::add(std::span<const std::byte> bytes) {
  XXH3_64bits_update(&state_->xxh, bytes.data(), bytes.size());
}

void WeightsHasher::finish_tensor() {
  if (open_) hash_ = XXH3_64bits_digest(&state_->xxh);
  open_ = false;
}

std::string WeightsHasher::text() {
  finish_tensor();
  return hex(hash_);
}

std::string weights_hash(std::span<const ParameterView> views) {
  WeightsHasher hasher;
  for (const ParameterView& view : views) {
    hasher.start(view.name, view.shape);
    hasher.add({static_cast<const std::byte*>(view.data), view.bytes()});
  }
  return hasher.text();
}

}  // namespace clawrl
