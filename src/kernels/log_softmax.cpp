#include "kernels/log_softmax.hpp"

#include <Kokkos_Core.hpp>
#include <cmath>

#include "kernels/row_scan.hpp"
#include "kernels/runtime.hpp"

namespace clawrl {

namespace {

std::string text_of(const char* kernel, const std::vector<std::int64_t>& rows) {
  std::string text = std::string(kernel) + ": logits are not finite in row";
  for (auto row : rows) text.append(" ").append(std::to_string(row));
  return text;
}

}  // namespace

NonFiniteLogits::NonFiniteLogits(const char* kernel, std::vector<std::int64_t> bad_rows)
    : InternalError(text_of(kernel, bad_rows)), rows(std::move(bad_rows)) {}

namespace kernels {

float inverse_temperature(float temperature, const char* kernel) {
  const float inverse = 1.0F / temperature;
  expect(temperature > 0 && std::isfinite(temperature) && std::isfinite(inverse),
         std::string(kernel) + ": temperature " + std::to_string(temperature) + " has no finite inverse");
  return inverse;
}

void throw_if_bad(const char* kernel, std::span<const std::uint8_t> bad) {
  std::vector<std::int64_t> rows;
  for (std::size_t i = 0; i < bad.size(); ++i) {
    if (bad[i]) rows.push_back(static_cast<std::int64_t>(i));
  }
  if (!rows.empty()) throw NonFiniteLogits(kernel, std::move(rows));
}

void gather_logprobs(TensorRef<const float> logits, float temperature, std::span<const TokenId> ids,
                     std::span<float> out) {
  const char* const kernel = "clawrl::gather_logprobs";
  const float scale = inverse_temperature(temperature, kernel);
  if (logits.rows == 0 && ids.empty() && out.empty()) return;
  expect(logits.rows > 0 && logits.columns > 0 && ids.size() % logits.rows == 0 && ids.size() == out.size(),
         std::string(kernel) + ": ids and out must be [N,K] for logits [N,V]");
  for (auto id : ids) expect(id >= 0 && id < logits.columns, std::string(kernel) + ": id outside the vocabulary");
  const std::size_t width = ids.size() / logits.rows;
  std::vector<std::uint8_t> bad(logits.rows);
  const auto launch = begin_launch(kernel);
  Kokkos::parallel_for(kernel, Kokkos::RangePolicy<Kokkos::DefaultHostExecutionSpace>(0, logits.rows),
                       [&](const std::int64_t n) {
                         const auto row = logits.row(n);
                         RowMaximum maximum;
                         maximum.scan(row);
                         bad[n] = !maximum.finite;
                         if (bad[n]) return;
                         ExpSum sum;
                         sum.scan(row, maximum.value, scale);
                         const double normaliser = std::log(sum.total);
                         for (std::size_t k = n * width; k < (n + 1) * width; ++k) {
                           const float shifted = (row[ids[k]] - maximum.value) * scale;
                           out[k] = static_cast<float>(shifted - normaliser);
                         }
                       });
  throw_if_bad(kernel, bad);
}

}  // namespace kernels

}  // namespace clawrl
