// Products with bf16 weights against the same products with those values as float.
#include "model/torch/wide_product.hpp"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <cstring>

#include "model/torch/fused_ops.hpp"
#include "support/catch.hpp"

using namespace clawrl;

namespace {

struct Case {
  at::Tensor x, narrow, wide;
};

Case make_case(std::int64_t rows, std::int64_t out, std::int64_t in) {
  at::manual_seed(static_cast<std::uint64_t>(rows * 131 + out * 17 + in));
  Case c{at::randn({rows, in}), at::randn({out, in}).to(at::kBFloat16), {}};
  c.wide = c.narrow.to(at::kFloat);
  return c;
}

double difference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

}  // namespace

TEST_CASE("a decode step through bf16 weights has the bits of the float kernel on their values") {
  const c10::InferenceMode inference;
  for (std::int64_t rows : {1, 2, 3, 7, 64}) {
    const auto c = make_case(rows, 40, 136);
    const auto y = clawrl::linear(c.x, c.narrow), expected = clawrl::linear(c.x, c.wide);
    REQUIRE(y.scalar_type() == at::kFloat);
    CHECK(std::memcmp(y.const_data_ptr(), expected.const_data_ptr(), y.nbytes()) == 0);
  }
}

TEST_CASE("larger products and odd sizes widen block by block") {
  const c10::InferenceMode inference;
  for (const auto& [rows, out, in] : {std::tuple{65, 5000, 264}, {200, 9, 31}, {3, 7, 5}, {1, 1, 1}, {70, 64, 20000}}) {
    const auto c = make_case(rows, out, in);
    CHECK(difference(clawrl::linear(c.x, c.narrow), at::linear(c.x, c.wide)) < 1e-3);
    const auto dy = at::randn({rows, out});
    CHECK(difference(product_back(dy, c.narrow), at::mm(dy, c.wide)) < 1e-2);
    auto part = at::zeros({rows + 2, out});
    product_out(part.narrow(0, 1, rows), c.x, c.narrow);
    CHECK(difference(part.narrow(0, 1, rows), at::linear(c.x, c.wide)) < 1e-3);
    CHECK(part.select(0, 0).abs().max().item<float>() == 0);
    CHECK(part.select(0, rows + 1).abs().max().item<float>() == 0);
  }
}

TEST_CASE("the gradient goes through bf16 weights to x") {
  const auto c = make_case(6, 24, 16);
  auto x1 = c.x.clone().set_requires_grad(true), x2 = c.x.clone().set_requires_grad(true);
  const auto y1 = clawrl::linear(x1, c.narrow), y2 = at::linear(x2, c.wide);
  CHECK(difference(y1, y2) < 1e-4);
  (y1 * y1).sum().backward();
  (y2 * y2).sum().backward();
  CHECK(difference(x1.grad(), x2.grad()) < 1e-2 * x2.grad().abs().max().item<double>());
  CHECK(difference(x1.grad(), x2.grad()) < 1e-3);
}
