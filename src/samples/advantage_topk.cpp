// On-policy distillation over k candidates per position, as a clipped surrogate or (samples.topk_loss = reverse_kl) as
// the divergence over the candidates and one bin for all the rest, for which the sample carries the teacher. Candidates
// are the sampler's top-k (subset student; overlap = those of them that are among the teacher's top-k too) or the
// teacher's top-k (subset teacher).

#include <algorithm>
#include <cmath>

#include "samples/advantage.hpp"
#include "samples/topk_term.hpp"

namespace clawrl {

template <class Real>
void topk_advantages(std::span<const Real> old, std::span<const Real> teacher, std::span<const std::uint8_t> in_subset,
                     Real clip, std::span<Real> advantages) {
  Real highest = -std::numeric_limits<Real>::infinity();
  for (std::size_t v = 0; v < old.size(); ++v)
    if (in_subset[v]) highest = std::max(highest, old[v]);
  Real total = 0;
  for (std::size_t v = 0; v < old.size(); ++v)
    if (in_subset[v]) total += std::exp(old[v] - highest);
  for (std::size_t v = 0; v < old.size(); ++v) {
    if (in_subset[v])
      advantages[v] = std::clamp(teacher[v] - old[v], -clip, clip) * std::exp(old[v] - highest) / total;
    else
      advantages[v] = 0;
  }
}

template void topk_advantages<float>(std::span<const float>, std::span<const float>, std::span<const std::uint8_t>,
                                     float, std::span<float>);
template void topk_advantages<double>(std::span<const double>, std::span<const double>, std::span<const std::uint8_t>,
                                      double, std::span<double>);

namespace {

bool finite(const std::vector<float>& values) {
  return std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); });
}

/// Marks [R,K] the candidates that are in their row of `others` [R,J].
std::vector<std::uint8_t> found_in(const std::vector<TokenId>& ids, const std::vector<TokenId>& others,
                                   std::size_t rows) {
  const std::size_t k = ids.size() / rows, j = others.size() / rows;
  std::vector<std::uint8_t> found(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto row = others.begin() + static_cast<std::ptrdiff_t>(i / k * j);
    found[i] = std::find(row, row + static_cast<std::ptrdiff_t>(j), ids[i]) != row + static_cast<std::ptrdiff_t>(j);
  }
  return found;
}

}  // namespace

Advantages advantage_opd_topk(const AdvantageInput& input) {
  const auto& completion = input.turn.completion;
  const auto& scores = input.verdict.teacher;
  const std::size_t rows = completion.ids.size();
  Advantages result;
  result.tokens.assign(rows, 0.0F);
  if (input.verdict.chosen_hint < 0) return result;

  const bool by_teacher = input.settings.subset == "teacher";
  result.topk_ids = by_teacher ? scores.topk_ids : completion.topk_ids;
  result.topk_logprobs = by_teacher ? scores.sampler_logprobs : completion.topk_logprobs;
  const auto& teacher = by_teacher ? scores.topk_logprobs : scores.student_logprobs;
  const std::size_t cells = result.topk_ids.size();
  if (cells == 0 || cells % rows != 0 || result.topk_logprobs.size() != cells || !finite(result.topk_logprobs))
    result.exclusion = "no_topk_logprobs";
  else if (teacher.size() != cells || !finite(teacher) || scores.topk_ids.empty() || scores.topk_ids.size() % rows != 0)
    result.exclusion = "no_teacher_logprobs";
  if (!result.exclusion.empty()) return result;

  const std::size_t k = cells / rows;
  std::vector<std::uint8_t> subset(cells, 1);
  if (input.settings.subset == "overlap") subset = found_in(result.topk_ids, scores.topk_ids, rows);
  for (std::size_t at = 0; at < cells; ++at)  // a mask may leave fewer than k ids: the row then repeats its first
    if (at % k != 0 && result.topk_ids[at] == result.topk_ids[at - at % k]) subset[at] = 0;
  result.topk_width = static_cast<std::int32_t>(k);
  result.topk_advantages.resize(cells);
  if (input.settings.topk_loss == "reverse_kl") {
    std::copy(subset.begin(), subset.end(), result.topk_advantages.begin());
    result.topk_teacher_logprobs = teacher;
    return result;
  }
  for (std::size_t at = 0; at < cells; at += k)
    topk_advantages<float>({&result.topk_logprobs[at], k}, {&teacher[at], k}, {&subset[at], k},
                           static_cast<float>(input.settings.opd_clip), {&result.topk_advantages[at], k});
  return result;
}

}  // namespace clawrl
