// Penalties and logit bias against a plain computation, alone and together with all other ways to sample.
#include <algorithm>
#include <random>

#include "core/error.hpp"
#include "kernels/reference.hpp"
#include "kernels/sampling.hpp"
#include "kernels/with_kernels.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using kernels::SampledToken;
using kernels::SamplingRow;

namespace {

std::vector<float> random_logits(std::int64_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0, 3);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (auto& value : values) value = normal(generator);
  return values;
}

/// As OpenAI's and Hugging Face's texts state it, from the tokens themselves.
std::vector<float> changed(std::vector<float> row, const SamplingParameters& p, const std::vector<TokenId>& prompt,
                           const std::vector<TokenId>& response) {
  for (TokenId id = 0; id < static_cast<TokenId>(row.size()); ++id) {
    float& x = row[static_cast<std::size_t>(id)];
    const auto times = std::count(response.begin(), response.end(), id);
    const bool seen = times > 0 || std::find(prompt.begin(), prompt.end(), id) != prompt.end();
    if (seen && x > 0)
      x /= p.repetition_penalty;
    else if (seen)
      x *= p.repetition_penalty;
    if (times > 0) x -= p.presence_penalty + p.frequency_penalty * static_cast<float>(times);
    for (const auto& [biased, bias] : p.logit_bias) x += biased == id ? bias : 0;
  }
  return row;
}

SampledToken one(const std::vector<float>& logits, const SamplingRow& row) {
  std::vector<SampledToken> out(1);
  kernels::sample(rows_of(logits, static_cast<std::int64_t>(logits.size())), std::span(&row, 1), out);
  return out[0];
}

}  // namespace

TEST_CASE_METHOD(test::WithKernels, "a penalised row is sampled as the plainly changed row") {
  std::mt19937 generator(11);
  const auto number = [&](float low, float high) {
    return std::uniform_real_distribution<float>(low, high)(generator);
  };
  int differs = 0;
  for (unsigned round = 0; round < 300; ++round) {
    const std::int64_t size = round % 3 == 0 ? 700 : 40;
    const auto logits = random_logits(size, round);
    std::vector<TokenId> prompt, response;
    for (int i = 0; i < 30; ++i) prompt.push_back(static_cast<TokenId>(generator() % static_cast<unsigned>(size)));
    for (int i = 0; i < 20; ++i) response.push_back(static_cast<TokenId>(generator() % 25));
    SamplingParameters p{number(0.3F, 1.5F), round % 4 == 0 ? 0.9F : 1.0F, round % 5 == 0 ? 7 : 0, round};
    if (round % 2 == 0) p.repetition_penalty = number(0.7F, 1.6F);
    if (round % 3 != 0) p.presence_penalty = number(-2, 2);
    if (round % 3 != 1) p.frequency_penalty = number(-2, 2);
    if (round % 7 == 0) p.logit_bias = {{1, number(-5, 5)}, {30, 4}};
    if (round % 11 == 0) p.temperature = 0;

    kernels::TokenCounts counts(p, prompt);
    for (TokenId id : response) counts.add(id);
    const auto got = one(logits, {p, round, 5, {}, counts.all()});
    SamplingParameters plain{p.temperature, p.top_p, p.top_k, p.seed};
    const auto expected = kernels::reference::sample(changed(logits, p, prompt, response), {plain, round, 5});
    INFO("round " << round);
    REQUIRE(got.id == expected.id);
    REQUIRE(got.logprob == Approx(expected.logprob).margin(1e-4));
    REQUIRE(got.logprob_t1 == Approx(expected.logprob_t1).margin(1e-4));
    REQUIRE(got.topk_ids == expected.topk_ids);
    differs += got.id != one(logits, {plain, round, 5}).id;
  }
  CHECK(differs > 50);  // the penalties did something
}

TEST_CASE_METHOD(test::WithKernels, "a bias of 100 wins and of -100 bans, also under a mask") {
  const auto logits = random_logits(100, 3);
  const std::vector<TokenId> allowed{10, 20, 50, 60};
  SamplingParameters p;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    p.seed = seed;
    p.logit_bias = {{55, 100}};
    CHECK(one(logits, {p, 0, 0, allowed}).id == 55);
    p.logit_bias = {{5, 100}};  // not allowed: no help
    const TokenId id = one(logits, {p, 0, 0, allowed}).id;
    CHECK(((id >= 10 && id < 20) || (id >= 50 && id < 60)));
    p.logit_bias.clear();
    for (TokenId ban = 0; ban < 99; ++ban) p.logit_bias.emplace_back(ban, -100.0F);
    CHECK(one(logits, {p, 0, 0}).id == 99);
  }
}

TEST_CASE_METHOD(test::WithKernels, "what is shown to a client is at temperature 1") {
  const auto logits = random_logits(60, 8);
  SamplingRow row{{0.5F, 0.8F, 0, 4}, 2, 6};
  row.record_at_t1 = true;
  const auto got = one(logits, row);
  const auto wanted = kernels::reference::log_softmax(logits, 1);
  REQUIRE(got.topk_ids.size() == 6);
  for (std::size_t k = 0; k < 6; ++k)
    CHECK(got.topk_logprobs[k] == Approx(wanted[static_cast<std::size_t>(got.topk_ids[k])]).margin(1e-5));
}

TEST_CASE_METHOD(test::WithKernels, "counts and biases outside the vocabulary are refused") {
  const std::vector<float> logits{1, 2, 3};
  SamplingParameters p;
  p.logit_bias = {{3, 1}};
  CHECK_THROWS_AS(one(logits, {p, 0, 0}), InternalError);
  p.logit_bias.clear();
  p.presence_penalty = 1;
  const std::vector<kernels::TokenCount> counts{{-1, 1}};
  CHECK_THROWS_AS(one(logits, {p, 0, 0, {}, counts}), InternalError);
  p.repetition_penalty = 0;
  CHECK_THROWS_AS(one(logits, {p, 0, 0}), InternalError);
}
