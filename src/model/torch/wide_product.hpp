#pragma once
// Matrix products of float activations with weights that are stored as float or bf16. Sums are float in both cases.
// bf16 weights are widened a block of rows at a time into scratch memory: a library product in bf16 is several times
// slower than one in float on processors without bf16 units, and a widened copy of a whole layer would be its memory.

#include <ATen/core/Tensor.h>

namespace clawrl {

/// y [N,M] = x [N,K] W^T for weight [M,K]. No autograd.
void product_out(const at::Tensor& y, const at::Tensor& x, const at::Tensor& weight);

/// dy [N,M] W -> [N,K]: the gradient of the product with respect to x. No autograd.
at::Tensor product_back(const at::Tensor& dy, const at::Tensor& weight);

/// x [N,K] f32, weight [M,K] bf16 that is not trained -> x W^T [N,M], differentiable in x. Keeps nothing but the
/// weight.
at::Tensor wide_linear(const at::Tensor& x, const at::Tensor& weight);

}  // namespace clawrl
