// The clipped loss and the hint overlap against the float64 reference vectors.
#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/error.hpp"
#include "kernels/clipped_loss.hpp"
#include "kernels/hint_overlap.hpp"
#include "kernels/reference.hpp"
#include "kernels/top_k.hpp"
#include "kernels/with_kernels.hpp"
#include "model/safetensors.hpp"
#include "support/catch.hpp"
#include "support/fixtures.hpp"

using namespace clawrl;
using kernels::LossAggregation;

namespace {

struct Fixture {
  nlohmann::json cases;
  SafetensorsFile file;
  Fixture() : file(test::fixture("losses/losses.safetensors").string()) {
    std::ifstream in(test::fixture("losses/losses.json"));
    cases = nlohmann::json::parse(in)["cases"];
  }
  const ParameterView& view(const std::string& name) const {
    const auto* found = file.find(name);
    if (!found) throw std::runtime_error("no tensor " + name);
    return *found;
  }
  std::vector<double> doubles(const std::string& name) const {
    const auto& found = view(name);
    REQUIRE(found.type == DType::f64);
    std::vector<double> out(found.elements());
    std::memcpy(out.data(), found.data, found.bytes());
    return out;
  }
  std::vector<TokenId> integers(const std::string& name) const {
    const auto& found = view(name);
    REQUIRE(found.type == DType::i64);
    const auto* data = static_cast<const char*>(found.data);
    std::vector<TokenId> out;
    for (std::int64_t i = 0; i < found.elements(); ++i) {
      std::int64_t value = 0;
      std::memcpy(&value, data + i * 8, 8);
      out.push_back(static_cast<TokenId>(value));
    }
    return out;
  }
};

void check_close(const std::vector<double>& got, const std::vector<double>& expected) {
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) REQUIRE(std::abs(got[i] - expected[i]) <= 1e-10);
}

void check_case(const Fixture& fixture, const nlohmann::json& entry) {
  const std::string at = entry["name"].get<std::string>() + ".";
  const auto fresh = fixture.doubles(at + "logp_new");
  const auto old = fixture.doubles(at + "logp_old");
  const auto advantages = fixture.doubles(at + "advantages");
  std::vector<std::uint8_t> mask;
  for (double m : fixture.doubles(at + "mask")) mask.push_back(m != 0);
  std::vector<double> sampler;
  if (entry["kind"] == "ppo_tis") sampler = fixture.doubles(at + "logp_rollout");
  const auto& shape = fixture.view(at + "logp_new").shape;
  kernels::ClippedLossInputs in{shape[0], shape[1], fresh, old, advantages, mask, sampler};
  in.clip_low = entry["eps_low"];
  in.clip_high = entry["eps_high"];
  in.importance_cap = entry.value("tis_cap", 2.0);
  const std::pair<const char*, LossAggregation> forms[] = {{"token_mean", LossAggregation::token_mean},
                                                           {"seq_mean", LossAggregation::sequence_mean},
                                                           {"seq_mean_all", LossAggregation::sequence_mean_all},
                                                           {"token_sum", LossAggregation::token_sum}};
  for (const auto& [name, form] : forms) {
    in.aggregation = form;
    const auto out = kernels::clipped_loss(in);
    INFO(at << name);
    check_close({out.loss}, fixture.doubles(at + name));
    check_close(out.gradient, fixture.doubles(at + "grad_" + name));
    auto expected = fixture.doubles(at + "loss_tokens");
    for (std::size_t i = 0; i < mask.size(); ++i) expected[i] *= mask[i];
    check_close(out.tokens, expected);
    check_close({out.clip_fraction}, fixture.doubles(at + "clip_fraction"));
    check_close({out.approx_kl}, fixture.doubles(at + "approx_kl"));
    if (!sampler.empty()) check_close({out.capped_fraction}, fixture.doubles(at + "tis_truncated_fraction"));
  }
  in.aggregation = LossAggregation::token_mean;
  CHECK(kernels::clipped_loss(in).loss == Approx(kernels::reference::clipped_loss_token_mean(in)).margin(1e-12));
}

}  // namespace

TEST_CASE_METHOD(test::WithKernels, "clipped loss equals the reference vectors in value and gradient") {
  const Fixture fixture;
  std::size_t count = 0;
  for (const auto& entry : fixture.cases) {
    if (entry["kind"] != "ppo" && entry["kind"] != "ppo_tis") continue;
    check_case(fixture, entry);
    ++count;
  }
  CHECK(count == 8);
  test::compared("clipped loss", count);
}

TEST_CASE_METHOD(test::WithKernels, "top-k and hint overlap equal the reference vectors") {
  const Fixture fixture;
  std::size_t count = 0;
  for (const auto& entry : fixture.cases) {
    if (entry["kind"] != "hint_select") continue;
    const std::string at = entry["name"].get<std::string>() + ".";
    const std::int32_t k = entry["K"];
    const auto top = [&](const std::string& name) {
      const auto values = fixture.doubles(at + name);
      const std::vector<float> logits(values.begin(), values.end());
      const auto matrix = rows_of(logits, fixture.view(at + name).shape.back());
      std::vector<TokenId> ids(matrix.rows * k);
      std::vector<float> logprobs(ids.size());
      kernels::top_k_logprobs(matrix, 1, k, ids, logprobs);
      return ids;
    };
    const auto student = top("logits_old");
    const auto teachers = top("logits_teacher");  // [H,T,K]
    CHECK(student == fixture.integers(at + "student_topk"));
    CHECK(teachers == fixture.integers(at + "teacher_topk"));
    const auto expected = fixture.integers(at + "overlap");  // [H,T]
    const std::size_t tokens = student.size() / k;
    std::vector<std::int64_t> sums;
    for (std::size_t h = 0; h * student.size() < teachers.size(); ++h) {
      std::vector<std::int32_t> overlap(tokens);
      sums.push_back(
          kernels::hint_overlap(student, std::span(teachers).subspan(h * student.size(), student.size()), overlap));
      CHECK(std::equal(overlap.begin(), overlap.end(), expected.begin() + static_cast<std::int64_t>(h * tokens)));
    }
    const auto chosen = std::max_element(sums.begin(), sums.end()) - sums.begin();
    CHECK(chosen == fixture.integers(at + "chosen_hint").at(0));
    ++count;
  }
  CHECK(count == 3);
  test::compared("hint overlap", count);
}

TEST_CASE_METHOD(test::WithKernels, "a batch without active tokens is 0 and wrong sizes are refused") {
  const std::vector<double> values(6, 0.5);
  const std::vector<std::uint8_t> mask(6, 0);
  kernels::ClippedLossInputs in{2, 3, values, values, values, mask, {}};
  const auto out = kernels::clipped_loss(in);
  CHECK(out.loss == 0);
  CHECK(out.gradient == std::vector<double>(6, 0));
  in.length = 4;
  CHECK_THROWS_AS(kernels::clipped_loss(in), InternalError);
}
