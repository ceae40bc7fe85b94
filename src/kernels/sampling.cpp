#include "kernels/sampling.hpp"

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cmath>

#include "kernels/log_softmax.hpp"
#include "kernels/random.hpp"
#include "kernels/row_scan.hpp"
#include "kernels/runtime.hpp"
#include "kernels/truncation.hpp"

namespace clawrl::kernels {

namespace {

constexpr const char* kernel = "clawrl::sample";

void check(const SamplingRow& row, std::int64_t index, std::int64_t vocabulary) {
  const auto& p = row.parameters;
  const std::string where = std::string(kernel) + ": row " + std::to_string(index) + ": ";
  if (p.temperature != 0) inverse_temperature(p.temperature, kernel);
  expect(p.top_p > 0 && p.top_p <= 1, where + "top_p must be within (0, 1]");
  expect(p.top_k >= 0, where + "top_k must not be negative");
  expect(row.record_top_k >= 0 && row.record_top_k <= max_top_k && row.record_top_k <= vocabulary,
         where + "record_top_k must be within 0 and min(64, V)");
  const auto runs = row.allowed;
  bool ascending = runs.size() % 2 == 0 && (runs.empty() || (runs.front() >= 0 && runs.back() <= vocabulary));
  for (std::size_t i = 1; i < runs.size(); ++i) ascending &= runs[i - 1] < runs[i];
  expect(ascending, where + "allowed must be ascending runs within the vocabulary");
  expect(p.repetition_penalty > 0, where + "repetition_penalty must be above 0");
  const auto inside = [&](TokenId id) { return id >= 0 && id < vocabulary; };
  const bool known =
      std::all_of(row.counts.begin(), row.counts.end(), [&](const auto& c) { return inside(c.id); }) &&
      std::all_of(p.logit_bias.begin(), p.logit_bias.end(), [&](const auto& b) { return inside(b.first); });
  expect(known, where + "counts and logit_bias must lie within the vocabulary");
}

TokenId first_best(std::span<const float> row, const RowMaximum& maximum) {
  return static_cast<TokenId>(std::find(row.begin(), row.end(), maximum.value) - row.begin());
}

/// Inverse of the cumulative distribution in id order: whole blocks first, then inside one. The inner sum is made
/// again in double, so the target is moved to its scale; what rounding leaves over goes to the most likely id.
TokenId draw(std::span<const float> row, const RowMaximum& maximum, const ExpSum& sum, float scale, double u) {
  double target = u * sum.total;
  std::size_t block = 0;
  while (block < sum.blocks.size() && target >= sum.blocks[block]) target -= sum.blocks[block++];
  if (block == sum.blocks.size()) return first_best(row, maximum);
  const std::int64_t begin = static_cast<std::int64_t>(block) * scan_block;
  const std::int64_t end = std::min<std::int64_t>(begin + scan_block, row.size());
  float weights[scan_block];
  double inner = 0;
  for (std::int64_t i = begin; i < end; ++i) weights[i - begin] = exp_nonpositive((row[i] - maximum.value) * scale);
  for (std::int64_t i = begin; i < end; ++i) inner += weights[i - begin];
  target *= inner / sum.blocks[block];
  for (std::int64_t i = begin; i < end; ++i) {
    target -= weights[i - begin];
    if (target < 0) return static_cast<TokenId>(i);
  }
  return first_best(row, maximum);
}

const Candidate& draw(const KeptSet& kept, double u) {
  double target = u * kept.mass;
  for (std::size_t i = 0; i < kept.weights.size(); ++i) {
    target -= kept.weights[i];
    if (target < 0) return kept.candidates[i];
  }
  return kept.candidates.front();
}

void record_top(std::span<const float> row, const RowMaximum& maximum, float scale, double log_total, std::int32_t k,
                SampledToken& out) {
  out.topk_ids.clear();
  out.topk_logprobs.clear();
  if (k == 0) return;
  std::vector<Candidate> best;
  select_top(row, maximum, k, best);
  for (const auto& candidate : best) {
    out.topk_ids.push_back(candidate.id);
    out.topk_logprobs.push_back(static_cast<float>((candidate.logit - maximum.value) * scale - log_total));
  }
}

/// The same choice on changed logits.
bool sample_adjusted_row(std::span<const float> row, const SamplingRow& how, SampledToken& out);

/// The same choice on the allowed logits side by side; then places become ids.
bool sample_allowed_row(std::span<const float> row, const SamplingRow& how, SampledToken& out);

/// False when the row is not finite.
bool sample_row(std::span<const float> row, const SamplingRow& how, SampledToken& out) {
  RowMaximum maximum;
  maximum.scan(row);
  if (!maximum.finite) return false;
  if (how.parameters.adjusted()) return sample_adjusted_row(row, how, out);
  if (!how.allowed.empty()) return sample_allowed_row(row, how, out);
  const bool greedy = how.parameters.temperature == 0;
  const float scale = greedy ? 1.0F : 1.0F / how.parameters.temperature;
  ExpSum sum;
  sum.scan(row, maximum.value, scale);
  const double log_total = std::log(sum.total);
  if (how.record_at_t1 && scale != 1.0F) {
    ExpSum at_t1;
    at_t1.scan(row, maximum.value, 1.0F);
    record_top(row, maximum, 1.0F, std::log(at_t1.total), how.record_top_k, out);
  } else {
    record_top(row, maximum, scale, log_total, how.record_top_k, out);
  }
  double log_mass = log_total;
  if (greedy) {
    out.id = first_best(row, maximum);
  } else if (const double u = uniform(how.parameters.seed, how.position); how.parameters.truncated()) {
    KeptSet kept;
    truncate(row, maximum, sum, scale, how.parameters, kept);
    out.id = draw(kept, u).id;
    log_mass = std::log(kept.mass);
  } else {
    out.id = draw(row, maximum, sum, scale, u);
  }
  const float distance = row[out.id] - maximum.value;
  out.logprob = greedy ? 0.0F : static_cast<float>(distance * scale - log_mass);
  if (scale != 1.0F) sum.scan(row, maximum.value, 1.0F);
  out.logprob_t1 = static_cast<float>(distance - std::log(sum.total));
  return true;
}

bool sample_adjusted_row(std::span<const float> row, const SamplingRow& how, SampledToken& out) {
  std::vector<float> changed(row.begin(), row.end());
  adjust(changed, how.parameters, how.counts);
  SamplingRow inner = how;
  inner.counts = {};
  inner.parameters.repetition_penalty = 1;
  inner.parameters.presence_penalty = inner.parameters.frequency_penalty = 0;
  inner.parameters.logit_bias.clear();
  return sample_row(changed, inner, out);
}

TokenId id_at(std::span<const TokenId> runs, TokenId place) {
  std::size_t run = 0;
  for (; place >= runs[run + 1] - runs[run]; run += 2) place -= runs[run + 1] - runs[run];
  return runs[run] + place;
}

bool sample_allowed_row(std::span<const float> row, const SamplingRow& how, SampledToken& out) {
  std::vector<float> allowed;
  for (std::size_t run = 0; run < how.allowed.size(); run += 2)
    allowed.insert(allowed.end(), row.begin() + how.allowed[run], row.begin() + how.allowed[run + 1]);
  SamplingRow inner = how;
  inner.allowed = {};
  inner.record_top_k = static_cast<std::int32_t>(std::min<std::size_t>(how.record_top_k, allowed.size()));
  if (!sample_row(allowed, inner, out)) return false;
  out.id = id_at(how.allowed, out.id);
  for (auto& id : out.topk_ids) id = id_at(how.allowed, id);
  if (how.record_top_k > inner.record_top_k) {
    out.topk_ids.resize(static_cast<std::size_t>(how.record_top_k), out.topk_ids.front());
    out.topk_logprobs.resize(static_cast<std::size_t>(how.record_top_k), out.topk_logprobs.front());
  }
  return true;
}

}  // namespace

void sample(TensorRef<const float> logits, std::span<const SamplingRow> rows, std::span<SampledToken> out) {
  expect(static_cast<std::int64_t>(rows.size()) == logits.rows && out.size() == rows.size() && logits.columns > 0,
         std::string(kernel) + ": logits [N,V] need N rows of parameters and of output");
  for (std::int64_t n = 0; n < logits.rows; ++n) check(rows[n], n, logits.columns);
  std::vector<std::uint8_t> bad(rows.size());
  const auto launch = begin_launch(kernel);
  Kokkos::parallel_for(kernel, Kokkos::RangePolicy<Kokkos::DefaultHostExecutionSpace>(0, logits.rows),
                       [&](const std::int64_t n) { bad[n] = !sample_row(logits.row(n), rows[n], out[n]); });
  throw_if_bad(kernel, bad);
}

}  // namespace clawrl::kernels
