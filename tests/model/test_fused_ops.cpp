// The kernels against the same formulas in plain float64 operations: values and gradients.
#include "model/torch/fused_ops.hpp"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <vector>

#include "support/catch.hpp"

using namespace clawrl;

namespace {

at::Tensor leaf(at::IntArrayRef shape, double shift = 0) {
  return (at::randn(shape) + shift).requires_grad_(true);
}

at::Tensor wide(const at::Tensor& x) {
  return x.detach().to(at::kDouble).requires_grad_(x.requires_grad());
}

double gap(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b).abs().max().item<double>();
}

// Values and gradients (for a random direction) of f(inputs) against g(inputs in double).
template <class F, class G>
void compare(const F& f, const G& g, std::vector<at::Tensor> inputs) {
  std::vector<at::Tensor> doubles, leaves, double_leaves;
  for (auto& x : inputs) {
    doubles.push_back(wide(x));
    if (!x.requires_grad()) continue;
    leaves.push_back(x);
    double_leaves.push_back(doubles.back());
  }
  const std::vector<at::Tensor> y = f(inputs), z = g(doubles);
  std::vector<at::Tensor> directions, double_directions;
  for (std::size_t i = 0; i < y.size(); ++i) {
    CHECK(y[i].sizes() == z[i].sizes());
    CHECK(gap(y[i].detach(), z[i].detach()) < 2e-6);
    directions.push_back(at::randn(y[i].sizes()));
    double_directions.push_back(directions.back().to(at::kDouble));
  }
  const auto gradients = torch::autograd::grad(y, leaves, directions);
  const auto expected = torch::autograd::grad(z, double_leaves, double_directions);
  for (std::size_t i = 0; i < gradients.size(); ++i) CHECK(gap(gradients[i], expected[i]) < 2e-5);
  const at::NoGradGuard no_grad;
  const std::vector<at::Tensor> again = f(inputs);  // without autograd: the same bits
  for (std::size_t i = 0; i < y.size(); ++i) CHECK(at::equal(again[i], y[i]));
}

}  // namespace

TEST_CASE("a linear layer of few rows: right, and the same bits whatever the number of rows") {
  at::manual_seed(4);
  const at::NoGradGuard no_grad;
  for (const std::int64_t size : {8, 64, 200}) {
    const auto x = at::randn({64, size}), weight = at::randn({72, size});
    const auto whole = clawrl::linear(x, weight);
    CHECK(gap(whole, at::linear(x.to(at::kDouble), weight.to(at::kDouble))) < 2e-5);
    for (const std::int64_t rows : {1, 2, 3, 5, 8, 15, 63})
      CHECK(at::equal(clawrl::linear(x.narrow(0, 0, rows), weight), whole.narrow(0, 0, rows)));
  }
  const auto odd = at::randn({3, 10}), odd_weight = at::randn({7, 10});  // sizes the kernel does not take
  CHECK(gap(clawrl::linear(odd, odd_weight), at::linear(odd.to(at::kDouble), odd_weight.to(at::kDouble))) < 1e-5);
}

TEST_CASE("rms norm") {
  at::manual_seed(1);
  for (const std::int64_t size : {16, 64, 100, 128}) {
    compare([](auto& x) { return std::vector{rms_norm(x[0], x[1], 1e-6)}; },
            [](auto& x) { return std::vector{composite::rms_norm(x[0], x[1], 1e-6)}; },
            {leaf({9, size}), leaf({size}, 1)});
  }
}

TEST_CASE("norm and rotation of heads") {
  at::manual_seed(2);
  for (const std::int64_t dim : {8, 20, 64}) {
    const auto angle = at::rand({5, dim / 2}) * 6;
    const auto rope = at::cat({angle.cos(), angle.sin()}, 1);
    auto parts = [](const SplitHeads& s) { return std::vector{s.q, s.k, s.v}; };
    compare([&](auto& x) { return parts(split_heads(x[0], x[1], x[2], x[3], 1e-6, 2)); },
            [&](auto& x) { return parts(composite::split_heads(x[0], x[1], x[2], x[3], 1e-6, 2)); },
            {leaf({5, 10, dim}), leaf({dim}, 1), leaf({dim}, 1), rope});
  }
}

TEST_CASE("rotation of heads without a norm") {
  at::manual_seed(5);
  const auto angle = at::rand({5, 10}) * 6, rope = at::cat({angle.cos(), angle.sin()}, 1);
  auto parts = [](const SplitHeads& s) { return std::vector{s.q, s.k, s.v}; };
  compare([&](auto& x) { return parts(split_heads(x[0], {}, {}, x[1], 1e-6, 2)); },
          [&](auto& x) { return parts(composite::split_heads(x[0], {}, {}, x[1], 1e-6, 2)); },
          {leaf({5, 10, 20}), rope});
}

TEST_CASE("swiglu, also where the gate is far from zero") {
  at::manual_seed(3);
  compare([](auto& x) { return std::vector{swiglu(x[0])}; },
          [](auto& x) { return std::vector{composite::swiglu(x[0])}; }, {leaf({7, 88})});
  const auto far = at::tensor({-200.0F, -88.0F, 0.0F, 40.0F, 200.0F, 1.0F, 2.0F, 3.0F, 4.0F, 5.0F}).unsqueeze(0);
  CHECK(at::allclose(swiglu(far), composite::swiglu(far), 1e-6, 1e-30));
}
