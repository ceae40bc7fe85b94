#pragma once
// A linear layer of a block: base product, bias, adapter.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <initializer_list>

#include "model/torch/lora.hpp"

namespace clawrl {

/// Neighbouring rows of a fused weight that have an adapter of their own.
struct AdapterPart {
  std::int64_t rows;
  const LoraPair* pair;
};

/// x [N,in] -> x W^T + bias [N,out], plus scaling * B A x on each part; `bias` may be undefined.
at::Tensor project(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const LoraWeights& lora,
                   std::initializer_list<AdapterPart> parts);

}  // namespace clawrl
