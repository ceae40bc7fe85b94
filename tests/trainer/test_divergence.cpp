// The divergence from a teacher over k + 1 bins, beyond what the reference vectors hold (test_losses.cpp).

#include <ATen/ATen.h>

#include <cmath>

#include "support/catch.hpp"
#include "trainer/torch/losses/distill_loss.hpp"

using namespace clawrl;

TEST_CASE("the divergence under a clip has its gradient while nothing is clipped, and a bounded one beyond") {
  const at::Tensor ids = at::tensor({0, 1}, at::kLong).view({1, 2});
  const auto gradient = [&](const at::Tensor& teacher, double clip) {
    const at::Tensor logits = at::tensor({0.3, -0.2, 0.1}, at::kDouble).view({1, 3}).requires_grad_(true);
    binned_reverse_kl(at::log_softmax(logits, 1).gather(1, ids), at::log_softmax(teacher, 1).gather(1, ids), clip)
        .sum()
        .backward();
    return logits.grad();
  };
  const auto teacher = [](double first) { return at::tensor({first, 0.0, 0.0}, at::kDouble).view({1, 3}); };
  CHECK(at::allclose(gradient(teacher(1), 50), gradient(teacher(1), 0), 1e-9, 1e-12));
  const at::Tensor sure = gradient(teacher(-9), 1), surer = gradient(teacher(-12), 1);
  CHECK(at::allclose(sure, surer, 1e-3));
  CHECK(sure.abs().max().item<double>() < gradient(teacher(-9), 0).abs().max().item<double>() / 3);
  // Of two who want opposites, one 99 % and one 95 % sure, nobody wins by surety alone.
  const auto pull = [&](double clip) {
    return gradient(teacher(std::log(0.01 / 0.99 * 2)), clip)[0][0].item<double>() +
           gradient(teacher(std::log(0.95 / 0.05 * 2)), clip)[0][0].item<double>();
  };
  CHECK(std::abs(pull(1)) < std::abs(pull(0)) / 2);
}

TEST_CASE("candidates outside the subset belong to the bin of the rest; gradients agree with finite differences") {
  const at::Tensor teacher = at::log_softmax(at::arange(18, at::kDouble).view({3, 6}).sin() * 2, 1);
  const at::Tensor point = at::arange(18, at::kDouble).view({3, 6}).cos();
  const at::Tensor ids = at::tensor({0, 2, 5, 1, 3, 4, 0, 1, 2}, at::kLong).view({3, 3});
  const at::Tensor inside = at::tensor({1, 1, 1, 0, 1, 0, 0, 0, 0}, at::kLong).view({3, 3}) != 0;
  const auto value = [&](const at::Tensor& logits) {
    const at::Tensor student = at::log_softmax(logits, 1).gather(1, ids);
    return binned_reverse_kl(student, teacher.gather(1, ids).masked_fill(inside.logical_not(), std::nan("")), inside);
  };
  const at::Tensor logits = point.clone().requires_grad_(true);
  const at::Tensor tokens = value(logits);
  tokens.sum().backward();
  const auto plain = [&](std::int64_t row, const at::Tensor& columns) {
    const at::Tensor student = at::log_softmax(point, 1)[row].index_select(0, columns).unsqueeze(0);
    return binned_reverse_kl(student, teacher[row].index_select(0, columns).unsqueeze(0)).item<double>();
  };
  CHECK(tokens[0].item<double>() == Approx(plain(0, ids[0])));
  CHECK(tokens[1].item<double>() == Approx(plain(1, ids[1].narrow(0, 1, 1))));
  CHECK(tokens[2].item<double>() == 0);
  CHECK(logits.grad()[2].abs().max().item<double>() == 0);
  for (std::int64_t row = 0; row < 3; ++row)
    for (std::int64_t v = 0; v < 6; ++v) {
      constexpr double h = 1e-6;
      at::Tensor up = point.clone(), down = point.clone();
      up[row][v] += h;
      down[row][v] -= h;
      const double slope = (value(up).sum().item<double>() - value(down).sum().item<double>()) / (2 * h);
      CHECK(logits.grad()[row][v].item<double>() == Approx(slope).margin(1e-8));
    }
}
