#pragma once
// XXH3 of bytes: what a tensor is checked with on its way through a network, a disk or a restart.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "core/parameter_view.hpp"

namespace clawrl {

std::uint64_t checksum(std::span<const std::byte> bytes);
std::string hex(std::uint64_t value);  // 16 digits

/// weights_hash of tensors that arrive in pieces.
class WeightsHasher {
 public:
  WeightsHasher();
  ~WeightsHasher();
  void start(const std::string& name, std::span<const std::int64_t> shape);
  void add(std::span<const std::byte> bytes);  // of the tensor started last
  std::string text();                          // 16 hexadecimal digits

 private:
  struct State;
  void finish_tensor();
  std::unique_ptr<State> state_;
  std::uint64_t hash_ = 0;
  bool open_ = false;
};

/// Of names, shapes and bytes of all views (host memory), in order: 16 hexadecimal digits.
std::string weights_hash(std::span<const ParameterView> views);

}  // namespace clawrl
