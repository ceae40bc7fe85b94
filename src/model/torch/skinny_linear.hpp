#pragma once
// x W^T for a few rows of x, the shape of a decode step: no packing of W, which library products spend most on there.

#include <cstdint>

namespace clawrl::kernels {

/// x [rows, size], weight [columns, size] -> y [rows, columns]; size and columns are multiples of 8.
/// An element's bits depend on its own row only, not on how many rows there are: a sequence decodes to the same logits
/// whoever shares the step with it.
void skinny_linear(std::int64_t rows, std::int64_t columns, std::int64_t size, const float* x, const float* weight,
                   float* y);

/// The same with bf16 weights, which become float in registers: the bits are those of the float kernel on these values.
void skinny_linear_bf16(std::int64_t rows, std::int64_t columns, std::int64_t size, const float* x,
                        const std::uint16_t* weight, float* y);

}  // namespace clawrl::kernels
