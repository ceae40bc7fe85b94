// Row scans, gather, top-k, random numbers and hint overlap against the plain loops.
#include <limits>
#include <random>

#include "kernels/hint_overlap.hpp"
#include "kernels/log_softmax.hpp"
#include "kernels/reference.hpp"
#include "kernels/row_scan.hpp"
#include "kernels/top_k.hpp"
#include "kernels/with_kernels.hpp"
#include "support/catch.hpp"

using namespace clawrl;

namespace {

std::vector<float> random_logits(std::int64_t count, unsigned seed, float spread = 4) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0, spread);
  std::vector<float> values(count);
  for (auto& value : values) value = normal(generator);
  return values;
}

const std::int64_t sizes[] = {1, 2, 15, 16, 17, 511, 512, 513, 2300, 40000};

}  // namespace

TEST_CASE("kernels refuse to run before the runtime and the runtime nests") {
  std::vector<std::int32_t> overlap(1);
  const std::vector<TokenId> ids{1};
  if (!KernelRuntime::running()) CHECK_THROWS_AS(kernels::hint_overlap(ids, ids, overlap), InternalError);
  const test::WithKernels started;
  {
    KernelRuntime nested(2);
    CHECK(KernelRuntime::running());
  }
  CHECK(KernelRuntime::running());
  CHECK(KernelRuntime::description().find("Kokkos") == 0);
}

TEST_CASE_METHOD(test::WithKernels, "philox gives the published vectors") {
  using Words = std::array<std::uint32_t, 4>;
  const std::uint32_t ones = 0xffffffffU;
  CHECK(kernels::philox({0, 0, 0, 0}, {0, 0}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(kernels::philox({ones, ones, ones, ones}, {ones, ones}) ==
        Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(kernels::philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE_METHOD(test::WithKernels, "uniform draws are in range, differ by seed and position, and are even") {
  double sum = 0;
  for (std::uint64_t i = 0; i < 20000; ++i) {
    const double u = kernels::uniform(5, i);
    REQUIRE((u >= 0 && u < 1));
    sum += u;
  }
  CHECK(sum / 20000 == Approx(0.5).margin(0.01));
  CHECK(kernels::uniform(1, 0) != kernels::uniform(2, 0));
  CHECK(kernels::uniform(1, 0) != kernels::uniform(1ULL << 32 | 1, 0));
  CHECK(kernels::uniform(1, 0) != kernels::uniform(1, 1ULL << 32));
}

TEST_CASE_METHOD(test::WithKernels, "the fast exponential is within 3e-7") {
  for (float x = 0; x > -86; x -= 0.00371F) {
    REQUIRE(kernels::exp_nonpositive(x) == Approx(std::exp(static_cast<double>(x))).epsilon(3e-7));
  }
  CHECK(kernels::exp_nonpositive(0) == 1.0F);
  CHECK(kernels::exp_nonpositive(-1e30F) < 1e-37F);
}

TEST_CASE_METHOD(test::WithKernels, "gathered log-probs agree with the plain log-softmax") {
  for (auto size : sizes) {
    for (float temperature : {1.0F, 0.6F, 2.0F}) {
      const std::int64_t rows = 3;
      const std::int64_t width = 2;
      const auto logits = random_logits(rows * size, static_cast<unsigned>(size));
      const auto matrix = rows_of(logits, size);
      std::vector<TokenId> ids;
      for (std::int64_t i = 0; i < rows * width; ++i) ids.push_back(static_cast<TokenId>(i * 7919 % size));
      std::vector<float> out(ids.size());
      kernels::gather_logprobs(matrix, temperature, ids, out);
      for (std::int64_t i = 0; i < rows * width; ++i) {
        const auto expected = kernels::reference::log_softmax(matrix.row(i / width), temperature)[ids[i]];
        REQUIRE(out[i] == Approx(expected).margin(4e-6).epsilon(1e-6));
      }
    }
  }
}

TEST_CASE_METHOD(test::WithKernels, "gather refuses what does not fit") {
  const std::vector<float> logits{0, 1, 2, 3};
  std::vector<float> out(2);
  const std::vector<TokenId> ids{0, 1};
  const std::vector<TokenId> outside{0, 2};
  CHECK_THROWS_AS(kernels::gather_logprobs(rows_of(logits, 2), 0, ids, out), InternalError);
  CHECK_THROWS_AS(kernels::gather_logprobs(rows_of(logits, 2), 1, outside, out), InternalError);
  CHECK_THROWS_AS(kernels::gather_logprobs(rows_of(logits, 2), 1, std::span(ids).first(1), out), InternalError);
  kernels::gather_logprobs(rows_of(logits, 2), 1, ids, out);
  CHECK(out[1] == Approx(-std::log(1 + std::exp(-1.0))));
}

TEST_CASE_METHOD(test::WithKernels, "rows that are not finite are named and the others are computed") {
  const float bad_values[] = {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                              -std::numeric_limits<float>::infinity()};
  for (auto size : {1L, 20L, 600L}) {
    for (float bad : bad_values) {
      auto logits = random_logits(4 * size, 3);
      logits[1 * size + size / 2] = bad;
      logits[3 * size + size - 1] = bad;
      const std::vector<TokenId> ids(4, 0);
      std::vector<float> out(4, 99);
      try {
        kernels::gather_logprobs(rows_of(logits, size), 1, ids, out);
        FAIL("accepted");
      } catch (const NonFiniteLogits& error) {
        CHECK(error.rows == std::vector<std::int64_t>{1, 3});
        CHECK(std::string(error.what()).find("row 1 3") != std::string::npos);
      }
      CHECK(out[0] <= 0);
      CHECK(out[2] <= 0);
    }
  }
}

TEST_CASE_METHOD(test::WithKernels, "top-k agrees with a full sort, ties to the lower id") {
  for (auto size : sizes) {
    auto logits = random_logits(2 * size, 11);
    for (auto& x : logits) x = std::round(x * 2) / 2;  // many ties
    const auto matrix = rows_of(logits, size);
    for (std::int32_t k : {1, 4, 20, 64}) {
      if (k > size) continue;
      std::vector<TokenId> ids(2 * k);
      std::vector<float> logprobs(2 * k);
      kernels::top_k_logprobs(matrix, 0.8F, k, ids, logprobs);
      for (std::int64_t row = 0; row < 2; ++row) {
        const auto order = kernels::reference::ranking(matrix.row(row));
        const auto expected = kernels::reference::log_softmax(matrix.row(row), 0.8F);
        for (std::int32_t i = 0; i < k; ++i) {
          REQUIRE(ids[row * k + i] == order[i]);
          REQUIRE(logprobs[row * k + i] == Approx(expected[order[i]]).margin(4e-6).epsilon(1e-6));
        }
      }
    }
  }
  std::vector<TokenId> ids(65);
  std::vector<float> logprobs(65);
  const auto logits = random_logits(65, 1);
  CHECK_THROWS_AS(kernels::top_k_logprobs(rows_of(logits, 65), 1, 65, ids, logprobs), InternalError);
  CHECK_THROWS_AS(kernels::top_k_logprobs(rows_of(logits, 5), 1, 6, ids, logprobs), InternalError);
}

TEST_CASE_METHOD(test::WithKernels, "hint overlap counts shared ids per token") {
  const std::vector<TokenId> student{1, 2, 3, 4, 5, 6};
  const std::vector<TokenId> teacher{3, 1, 9, 8, 7, 6};
  std::vector<std::int32_t> overlap(2);
  CHECK(kernels::hint_overlap(student, teacher, overlap) == 3);
  CHECK(overlap == std::vector<std::int32_t>{2, 1});
  std::mt19937 generator(4);
  for (int round = 0; round < 50; ++round) {
    std::vector<TokenId> a(20);
    std::vector<TokenId> b(30);
    std::iota(a.begin(), a.end(), 0);
    std::iota(b.begin(), b.end(), 5);
    std::shuffle(a.begin(), a.end(), generator);
    std::shuffle(b.begin(), b.end(), generator);
    std::vector<std::int32_t> out(5);
    const auto sum = kernels::hint_overlap(a, b, out);
    std::int64_t expected = 0;
    for (std::size_t r = 0; r < 5; ++r) {
      const auto student_row = std::span(a).subspan(r * 4, 4);
      const auto count = kernels::reference::hint_overlap(student_row, std::span(b).subspan(r * 6, 6));
      REQUIRE(out[r] == count);
      expected += count;
    }
    REQUIRE(sum == expected);
  }
  CHECK_THROWS_AS(kernels::hint_overlap(std::span(student).first(5), teacher, overlap), InternalError);
}
