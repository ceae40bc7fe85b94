#include "model/torch/row_masks.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>

namespace clawrl {
namespace {

/// Calls clear(begin, end) for the gaps between the runs.
template <class Clear>
void gaps(const IdRuns& runs, std::int64_t vocabulary, const Clear& clear) {
  std::int64_t at = 0;
  for (std::size_t i = 0; i + 1 < runs.size(); i += 2) {
    if (at < runs[i]) clear(at, std::int64_t{runs[i]});
    at = runs[i + 1];
  }
  if (at < vocabulary) clear(at, vocabulary);
}

}  // namespace

void forbid(at::Tensor logits, std::span<const IdRuns* const> masks) {
  constexpr float never = -std::numeric_limits<float>::infinity();
  const std::int64_t vocabulary = logits.size(1);
  const bool direct = logits.device().is_cpu() && logits.scalar_type() == at::kFloat && logits.stride(1) == 1;
  for (std::size_t n = 0; n < masks.size(); ++n) {
    if (!masks[n]) continue;
    if (direct) {
      float* row = logits.data_ptr<float>() + static_cast<std::int64_t>(n) * logits.stride(0);
      gaps(*masks[n], vocabulary, [&](auto begin, auto end) { std::fill(row + begin, row + end, never); });
      continue;
    }
    at::Tensor forbidden = at::zeros({vocabulary}, at::kBool);
    auto* flags = forbidden.data_ptr<bool>();
    gaps(*masks[n], vocabulary, [&](auto begin, auto end) { std::fill(flags + begin, flags + end, true); });
    logits.select(0, static_cast<std::int64_t>(n)).masked_fill_(forbidden.to(logits.device()), never);
  }
}

}  // namespace clawrl
