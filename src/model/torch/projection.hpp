#pragma once
// A linear layer of a block: base product, bias, adapters.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <initializer_list>
#include <span>

#include "model/torch/lora.hpp"

namespace clawrl {

/// Neighbouring rows of a fused weight that have an adapter of their own.
struct AdapterPart {
  std::int64_t rows;
  LoraPair LoraLayer::*pair;
};

/// The adapters of one layer for a batch of N rows: ascending ranges that do not overlap.
struct LayerAdapters {
  std::span<const AdapterRows> ranges;
  std::int64_t layer;
};

/// x [N,in] -> x W^T + bias [N,out], plus scaling * B A x on each part with the adapter of the row's range; `bias` may
/// be undefined. One product with W for all rows. Without autograd on the CPU, ranges of up to 64 rows go through
/// kernels whose results for a row do not depend on its neighbours.
at::Tensor project(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const LayerAdapters& adapters,
                   std::initializer_list<AdapterPart> parts);

}  // namespace clawrl
