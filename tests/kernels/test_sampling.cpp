// Sampling against the plain-loop reference, and the edges of truncation.
#include <limits>
#include <random>

#include "kernels/log_softmax.hpp"
#include "kernels/reference.hpp"
#include "kernels/sampling.hpp"
#include "kernels/with_kernels.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using kernels::SampledToken;
using kernels::SamplingRow;

namespace {

std::vector<float> random_logits(std::int64_t count, unsigned seed, float spread) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0, spread);
  std::vector<float> values(count);
  for (auto& value : values) value = normal(generator);
  return values;
}

SamplingRow how(float temperature, float top_p = 1, std::int32_t top_k = 0, std::uint64_t seed = 1,
                std::uint64_t position = 0, std::int32_t record = 0) {
  return {{temperature, top_p, top_k, seed}, position, record};
}

SampledToken one(const std::vector<float>& logits, const SamplingRow& row) {
  std::vector<SampledToken> out(1);
  kernels::sample(rows_of(logits, static_cast<std::int64_t>(logits.size())), std::span(&row, 1), out);
  return out[0];
}

}  // namespace

TEST_CASE_METHOD(test::WithKernels, "a mixed batch agrees with the reference row by row") {
  std::size_t compared = 0;
  for (std::int64_t size : {1, 2, 17, 512, 700, 2300, 33000}) {
    std::vector<SamplingRow> rows;
    std::uint64_t seed = 100;
    for (float temperature : {0.0F, 0.3F, 1.0F, 1.7F}) {
      for (float top_p : {1.0F, 0.95F, 0.5F, 1e-6F}) {
        for (std::int32_t top_k : {0, 1, 5, 64, 65, 1000}) {
          const auto record = static_cast<std::int32_t>(std::min<std::int64_t>(size, seed % 5));
          rows.push_back(how(temperature, top_p, top_k, seed, seed * 3, record));
          ++seed;
        }
      }
    }
    const auto logits = random_logits(static_cast<std::int64_t>(rows.size()) * size, 7, size > 1000 ? 2.0F : 5.0F);
    const auto matrix = rows_of(logits, size);
    std::vector<SampledToken> out(rows.size());
    kernels::sample(matrix, rows, out);
    for (std::size_t n = 0; n < rows.size(); ++n) {
      const auto expected = kernels::reference::sample(matrix.row(n), rows[n]);
      INFO("V " << size << " row " << n);
      REQUIRE(out[n].id == expected.id);
      REQUIRE(out[n].logprob == Approx(expected.logprob).margin(1e-5));
      REQUIRE(out[n].logprob_t1 == Approx(expected.logprob_t1).margin(1e-5));
      REQUIRE(out[n].topk_ids == expected.topk_ids);
      for (std::size_t k = 0; k < expected.topk_ids.size(); ++k) {
        REQUIRE(out[n].topk_logprobs[k] == Approx(expected.topk_logprobs[k]).margin(1e-5));
      }
      ++compared;
    }
  }
  CHECK(compared == 7 * 96);
}

TEST_CASE_METHOD(test::WithKernels, "greedy takes the best id, the lowest one on a tie, and is certain of it") {
  const std::vector<float> logits{1, 3, 2, 3, 3};
  const auto token = one(logits, how(0, 1, 0, 9, 4, 3));
  CHECK(token.id == 1);
  CHECK(token.logprob == 0);
  CHECK(token.logprob_t1 == Approx(kernels::reference::log_softmax(logits, 1)[1]));
  CHECK(token.topk_ids == std::vector<TokenId>{1, 3, 4});
  CHECK(token.topk_logprobs[0] == Approx(token.logprob_t1));
}

TEST_CASE_METHOD(test::WithKernels, "truncation edges") {
  const std::vector<float> logits{0, 2, 2, 1, -1};
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const auto first = one(logits, how(1, 1, 1, seed));
    REQUIRE(first.id == 1);  // k = 1: the lower id of the tie, with certainty
    REQUIRE(first.logprob == Approx(0).margin(1e-7));
    const auto tiny = one(logits, how(1, 1e-20F, 0, seed));
    REQUIRE(tiny.id == 1);
    REQUIRE(tiny.logprob == Approx(0).margin(1e-7));
    const auto pair = one(logits, how(1, 1, 2, seed));
    REQUIRE((pair.id == 1 || pair.id == 2));
    REQUIRE(pair.logprob == Approx(std::log(0.5)));
    const auto wide = one(logits, how(1, 1, 5, seed));  // k = V cuts nothing
    REQUIRE(wide.logprob == Approx(wide.logprob_t1));
    const auto wider = one(logits, how(1, 1, 1000000, seed));
    REQUIRE(wider.id == wide.id);
    REQUIRE(one({3.5F}, how(1, 0.5F, 3, seed)).id == 0);  // V = 1
  }
}

TEST_CASE_METHOD(test::WithKernels, "the nucleus holds the token that crosses top_p and nothing more") {
  // probabilities 0.5, 0.25, 0.125, 0.125
  const std::vector<float> logits{std::log(0.5F), std::log(0.25F), std::log(0.125F), std::log(0.125F)};
  const auto kept = [&](float top_p) {
    std::vector<bool> seen(4);
    for (std::uint64_t seed = 0; seed < 400; ++seed) seen[one(logits, how(1, top_p, 0, seed)).id] = true;
    return std::count(seen.begin(), seen.end(), true);
  };
  CHECK(kept(0.4F) == 1);
  CHECK(kept(0.6F) == 2);
  CHECK(kept(0.8F) == 3);
  CHECK(kept(0.9F) == 4);
  const auto token = one(logits, how(1, 0.6F, 0, 3));
  CHECK(token.logprob == Approx(std::log((token.id == 0 ? 0.5 : 0.25) / 0.75)));
  CHECK(token.logprob_t1 == Approx(logits[token.id]));
}

TEST_CASE_METHOD(test::WithKernels, "a wide flat row still keeps enough for a high top_p") {
  const std::vector<float> logits(5000, 1.25F);  // the nucleus of 0.9 is ids 0..4499
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const auto token = one(logits, how(1, 0.9F, 0, seed));
    REQUIRE(token.id <= 4500);
    REQUIRE(token.logprob == Approx(-std::log(4500)).margin(1e-3));
  }
}

TEST_CASE_METHOD(test::WithKernels, "extreme logits and temperatures stay in range") {
  std::vector<float> logits(3000, -1e30F);
  logits[1234] = 1e30F;
  for (float temperature : {0.0F, 1e-6F, 1.0F, 50.0F}) {
    const auto token = one(logits, how(temperature, 1, 0, 5));
    REQUIRE(token.id == 1234);
    REQUIRE(token.logprob == Approx(0).margin(1e-6));
  }
}

TEST_CASE_METHOD(test::WithKernels, "the draw depends on seed and position, not on the batch") {
  const auto logits = random_logits(50 * 400, 2, 1);
  const auto matrix = rows_of(logits, 400);
  std::vector<SamplingRow> rows;
  for (std::uint64_t i = 0; i < 50; ++i) rows.push_back(how(1, i % 2 ? 0.9F : 1.0F, 0, i / 5, i));
  std::vector<SampledToken> together(50);
  kernels::sample(matrix, rows, together);
  for (std::int64_t i = 0; i < 50; ++i) {
    const auto row = matrix.row(i);
    const auto alone = one({row.begin(), row.end()}, rows[i]);
    REQUIRE(alone.id == together[i].id);
    REQUIRE(alone.logprob == together[i].logprob);
  }
}

TEST_CASE_METHOD(test::WithKernels, "bad rows are named, good rows stay valid, bad parameters are refused") {
  auto logits = random_logits(3 * 100, 5, 1);
  logits[150] = std::numeric_limits<float>::quiet_NaN();
  const std::vector<SamplingRow> rows(3, how(0));
  std::vector<SampledToken> out(3);
  try {
    kernels::sample(rows_of(logits, 100), rows, out);
    FAIL("accepted");
  } catch (const NonFiniteLogits& error) {
    CHECK(error.rows == std::vector<std::int64_t>{1});
  }
  const auto last = rows_of(logits, 100).row(2);
  CHECK(out[2].id == std::max_element(last.begin(), last.end()) - last.begin());
  const std::vector<float> fine{1, 2};
  for (const auto& wrong : {how(-1), how(NAN), how(1, 0), how(1, 1.5F), how(1, 1, -1), how(1, 1, 0, 1, 0, 3)}) {
    CHECK_THROWS_AS(one(fine, wrong), InternalError);
  }
}
