// Drawn frequencies against the distribution, by Pearson's chi-square with fixed seeds.
#include <cmath>
#include <set>

#include "kernels/reference.hpp"
#include "kernels/sampling.hpp"
#include "kernels/with_kernels.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using kernels::SampledToken;
using kernels::SamplingRow;

namespace {

/// Chi-square of `draws` samples over the kept ids, divided by its degrees of freedom; also checks the log-probs.
double chi_square_per_degree(const std::vector<float>& logits, const SamplingParameters& parameters, int draws,
                             bool by_position) {
  const auto size = static_cast<std::int64_t>(logits.size());
  const auto scaled = kernels::reference::log_softmax(logits, parameters.temperature);
  const auto kept = kernels::reference::kept(logits, parameters);
  double mass = 0;
  for (auto id : kept) mass += std::exp(scaled[id]);
  std::vector<int> counts(logits.size());
  std::vector<SampledToken> out(1);
  for (int i = 0; i < draws; ++i) {
    SamplingRow row{parameters, 0, 0};
    (by_position ? row.position : row.parameters.seed) += i;
    kernels::sample(rows_of(logits, size), std::span(&row, 1), out);
    ++counts[out[0].id];
    REQUIRE(out[0].logprob == Approx(scaled[out[0].id] - std::log(mass)).margin(1e-5));
  }
  double chi = 0;
  int inside = 0;
  for (auto id : kept) {
    const double expected = draws * std::exp(scaled[id]) / mass;
    chi += (counts[id] - expected) * (counts[id] - expected) / expected;
    inside += counts[id];
  }
  CHECK(inside == draws);  // nothing outside the kept set
  return chi / static_cast<double>(kept.size() - 1);
}

}  // namespace

TEST_CASE_METHOD(test::WithKernels, "frequencies follow the distribution over seeds and over positions") {
  std::vector<float> logits;
  for (int i = 0; i < 60; ++i) logits.push_back(static_cast<float>(std::sin(i * 1.7) * 1.5));
  for (const SamplingParameters& parameters : {SamplingParameters{1, 1, 0, 11},
                                               {0.7F, 1, 0, 12},
                                               {1.5F, 1, 0, 13},
                                               {1, 0.8F, 0, 14},
                                               {1, 1, 10, 15},
                                               {0.8F, 0.7F, 20, 16}}) {
    for (bool by_position : {false, true}) {
      // 9 to 59 degrees of freedom: the 99.99 % quantile is below 3.8 per degree for 9 and 1.8 for 59.
      const double chi = chi_square_per_degree(logits, parameters, 20000, by_position);
      INFO("temperature " << parameters.temperature << " p " << parameters.top_p << " k " << parameters.top_k);
      CHECK(chi < 2.5);
      CHECK(chi > 0.2);
    }
  }
}

TEST_CASE_METHOD(test::WithKernels, "rows of several blocks are drawn evenly across them") {
  const std::vector<float> logits(2100, 0.5F);
  std::vector<int> counts(21);
  std::vector<SampledToken> out(1);
  for (std::uint64_t i = 0; i < 21000; ++i) {
    const SamplingRow row{{1, 1, 0, 77}, i, 0};
    kernels::sample(rows_of(logits, 2100), std::span(&row, 1), out);
    ++counts[out[0].id / 100];
  }
  double chi = 0;
  for (int count : counts) chi += (count - 1000.0) * (count - 1000.0) / 1000.0;
  CHECK(chi / 20 < 2.5);
}
