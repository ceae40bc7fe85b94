// Both ways through the model, paged sampling and full scoring, against the float64 reference vectors.
#include "model_cases.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

constexpr double tolerance = 2e-4;
const char* const dense_model = "models/qwen3_tied";
const char* const sharded_model = "models/qwen3_untied_sharded";

struct Reference {
  std::string folder;
  std::vector<ModelCase> cases;
  SafetensorsFile tensors;
  explicit Reference(const std::filesystem::path& model)
      : folder(model), cases(model_cases(folder + "/cases.json")), tensors(folder + "/logits.safetensors") {}
};

ScoreRequest whole(const ModelCase& c, float temperature) {
  return {c.ids, 1, temperature, 0, 0, {}, {}};
}

std::vector<TokenId> joined(const std::vector<TokenId>& a, const std::vector<TokenId>& b) {
  auto ids = a;
  ids.insert(ids.end(), b.begin(), b.end());
  return ids;
}

// Length of the next chunk: odd sizes in turn, cut so that every position whose logits are known ends one.
std::size_t next_chunk(const ModelCase& c, std::size_t at, std::size_t turn) {
  static constexpr std::size_t sizes[] = {3, 1, 29, 17, 5, 61};
  auto end = std::min(at + sizes[turn % 6], c.ids.size());
  for (auto p : c.logit_positions)
    if (static_cast<std::size_t>(p) >= at) end = std::min(end, static_cast<std::size_t>(p) + 1);
  return end - at;
}

}  // namespace

TEST_CASE("prefill in odd chunks, all sequences in one step, gives the reference logits and greedy tokens") {
  std::size_t compared_rows = 0;
  for (const auto& model : model_folders()) {
    const Reference reference_set(model);
    const auto& cases = reference_set.cases;
    auto policy = make_policy(reference_set.folder);
    Feeder feeder(*policy, 200, 7);
    std::vector<CachedSequence> sequences(cases.size());
    std::vector<std::size_t> rows_seen(cases.size());
    std::vector<std::vector<float>> last(cases.size());
    for (std::size_t turn = 0;; ++turn) {
      std::vector<Feed> feeds;
      std::vector<std::size_t> wanted;
      for (std::size_t i = 0; i < cases.size(); ++i) {
        const auto at = static_cast<std::size_t>(sequences[i].length);
        if (at == cases[i].ids.size()) continue;
        const auto count = next_chunk(cases[i], at, turn + i);
        const auto end = static_cast<std::int32_t>(at + count) - 1;
        const bool want = std::count(cases[i].logit_positions.begin(), cases[i].logit_positions.end(), end) > 0;
        feeds.push_back({&sequences[i], std::span(cases[i].ids).subspan(at, count), want});
        if (want) wanted.push_back(i);
      }
      if (feeds.empty()) break;
      const auto rows = feeder.step(feeds);
      REQUIRE(rows.size() == wanted.size());
      for (std::size_t w = 0; w < wanted.size(); ++w) {
        const auto i = wanted[w];
        const auto expected = reference(reference_set.tensors, cases[i].name + ".logits_ref64");
        const auto gap = largest_gap(rows[w].data(), expected.data() + rows_seen[i]++ * rows[w].size(), rows[w].size());
        INFO(model << " " << cases[i].name << " row " << rows_seen[i] - 1);
        CHECK(gap < tolerance);
        last[i] = rows[w];
        ++compared_rows;
      }
    }
    for (std::size_t step = 0; step < 32; ++step) {
      std::vector<Feed> feeds;
      std::vector<TokenId> tokens(cases.size());
      for (std::size_t i = 0; i < cases.size(); ++i) {
        tokens[i] = most_likely(last[i]);
        INFO(model << " " << cases[i].name << " greedy token " << step);
        CHECK(tokens[i] == cases[i].greedy32[step]);
        feeds.push_back({&sequences[i], {&tokens[i], 1}, true});
      }
      last = feeder.step(feeds);
    }
  }
  compared("logit row", compared_rows);
}

TEST_CASE("scoring gives the reference log-probs, and greedy tokens are the most likely ones at every position") {
  std::size_t compared_cases = 0;
  for (const auto& model : model_folders()) {
    const Reference reference_set(model);
    auto policy = make_policy(reference_set.folder);
    for (const float temperature : {1.0F, 0.7F}) {
      std::vector<ScoreRequest> requests;
      for (const auto& c : reference_set.cases) requests.push_back(whole(c, temperature));
      const auto results = policy->score(0, requests);
      for (std::size_t i = 0; i < results.size(); ++i) {
        const auto& c = reference_set.cases[i];
        const auto* kind = temperature == 1.0F ? ".logprobs" : ".logprobs_t07";
        const auto expected = reference(reference_set.tensors, c.name + kind);
        REQUIRE(results[i].logprobs.size() == c.ids.size() - 1);
        REQUIRE(expected.size() == results[i].logprobs.size());
        INFO(model << " " << c.name << " at temperature " << temperature);
        CHECK(largest_gap(results[i].logprobs.data(), expected.data(), expected.size()) < tolerance);
        ++compared_cases;
      }
    }
    std::vector<ScoreRequest> greedy;
    for (const auto& c : reference_set.cases)
      greedy.push_back({joined(c.ids, c.greedy32), static_cast<std::int32_t>(c.ids.size()), 1.0F, 1, 0, {}, {}});
    const auto results = policy->score(0, greedy);
    for (std::size_t i = 0; i < results.size(); ++i) CHECK(results[i].topk_ids == reference_set.cases[i].greedy32);
  }
  compared("log-prob", compared_cases);
}

TEST_CASE("sampling and scoring agree far below what training notices") {
  const Reference reference_set(fixture(dense_model));
  auto policy = make_policy(reference_set.folder);
  Feeder feeder(*policy, 100, 16);
  double sum = 0, worst = 0;
  std::size_t count = 0;
  for (const auto& c : reference_set.cases) {
    for (const float temperature : {1.0F, 0.7F}) {
      const auto request = whole(c, temperature);
      const auto scored = policy->score(0, {&request, 1})[0].logprobs;
      CachedSequence sequence;
      for (std::size_t t = 0; t + 1 < c.ids.size(); ++t) {
        const auto row = feeder.logits(sequence, std::span(c.ids).subspan(t, 1));
        const double gap = std::abs(logprob(row, c.ids[t + 1], temperature) - scored[t]);
        worst = std::max(worst, gap);
        sum += gap;
        ++count;
      }
    }
  }
  const double mean = sum / static_cast<double>(count);
  std::cout << "sampling against scoring: mean gap " << mean << ", largest " << worst << std::endl;
  CHECK(mean < 1e-5);
  CHECK(worst < 1e-4);
}

TEST_CASE("top-k, gather and a later response begin agree with the full row") {
  const Reference reference_set(fixture(sharded_model));
  auto policy = make_policy(reference_set.folder);
  const auto& c = *std::max_element(reference_set.cases.begin(), reference_set.cases.end(),
                                    [](const auto& a, const auto& b) { return a.ids.size() < b.ids.size(); });
  const auto total = c.ids.size(), begin = total - 5;
  ScoreRequest request{c.ids, static_cast<std::int32_t>(begin), 0.7F, 4, 3, {}, {}};
  for (std::size_t t = begin; t < total; ++t)
    request.gather_ids.insert(request.gather_ids.end(), {c.ids[t], 0, static_cast<TokenId>(t)});
  const auto result = policy->score(0, {&request, 1})[0];
  const auto full_request = whole(c, 0.7F);
  const auto full = policy->score(0, {&full_request, 1})[0].logprobs;
  Feeder feeder(*policy, 50, 16);
  CachedSequence sequence;
  for (std::size_t t = 0; t + 1 < total; ++t) {
    const auto row = feeder.logits(sequence, std::span(c.ids).subspan(t, 1));
    if (t + 1 < begin) continue;
    const auto r = t + 1 - begin;
    CHECK(result.logprobs[r] == Approx(full[t]).margin(1e-5));
    CHECK(result.gathered[3 * r] == result.logprobs[r]);
    CHECK(result.gathered[3 * r + 1] == Approx(logprob(row, 0, 0.7)).margin(1e-4));
    CHECK(result.gathered[3 * r + 2] == Approx(logprob(row, static_cast<TokenId>(t + 1), 0.7)).margin(1e-4));
    CHECK(result.topk_ids[4 * r] == most_likely(row));
    for (std::size_t j = 0; j < 4; ++j) {
      CHECK(result.topk_logprobs[4 * r + j] == Approx(logprob(row, result.topk_ids[4 * r + j], 0.7)).margin(1e-4));
      if (j > 0) CHECK(result.topk_logprobs[4 * r + j] <= result.topk_logprobs[4 * r + j - 1]);
    }
  }
}

TEST_CASE("malformed score requests and unknown versions are refused by name") {
  const Reference reference_set(fixture(sharded_model));
  auto policy = make_policy(reference_set.folder);
  const ScoreRequest good{{1, 2, 3}, 1, 1.0F, 0, 0, {}, {}};
  auto bad = good;
  bad.response_begin = 0;
  CHECK_THROWS_AS(policy->score(0, {&bad, 1}), UserError);
  bad = good;
  bad.temperature = 0;
  CHECK_THROWS_AS(policy->score(0, {&bad, 1}), UserError);
  bad = good;
  bad.ids[1] = 512;
  CHECK_THROWS_AS(policy->score(0, {&bad, 1}), UserError);
  CHECK_THROWS_WITH(policy->score(7, {&good, 1}), Catch::Contains("version 7"));
  CHECK_THROWS_AS(make_policy(reference_set.folder, "tpu"), UserError);
}
