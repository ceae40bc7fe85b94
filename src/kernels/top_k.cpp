#include "kernels/top_k.hpp"

#include <Kokkos_Core.hpp>
#include <cmath>

#include "kernels/log_softmax.hpp"
#include "kernels/row_scan.hpp"
#include "kernels/runtime.hpp"

namespace clawrl::kernels {

void top_k_logprobs(TensorRef<const float> logits, float temperature, std::int32_t k, std::span<TokenId> ids,
                    std::span<float> logprobs) {
  const char* const kernel = "clawrl::top_k_logprobs";
  const float scale = inverse_temperature(temperature, kernel);
  if (logits.rows == 0) return;
  expect(k >= 1 && k <= max_top_k && k <= logits.columns,
         std::string(kernel) + ": k = " + std::to_string(k) + " is not within 1 and min(64, V)");
  const auto wanted = static_cast<std::size_t>(logits.rows * k);
  expect(ids.size() == wanted && logprobs.size() == wanted, std::string(kernel) + ": ids and logprobs must be [N,k]");
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
                         std::vector<Candidate> best;
                         select_top(row, maximum, k, best);
                         const double normaliser = std::log(sum.total);
                         for (std::int32_t i = 0; i < k; ++i) {
                           ids[n * k + i] = best[i].id;
                           const float shifted = (best[i].logit - maximum.value) * scale;
                           logprobs[n * k + i] = static_cast<float>(shifted - normaliser);
                         }
                       });
  throw_if_bad(kernel, bad);
}

}  // namespace clawrl::kernels
