// A prompt's log-probs against the float64 reference vectors.

#include "roles/prompt_scores.hpp"

#include "model/model_cases.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;

TEST_CASE("a prompt's tokens have the reference log-probs, and the likeliest ids are those of the same softmax") {
  std::size_t compared_prompts = 0;
  for (const auto& model : model_folders()) {
    const std::string folder = model;
    const SafetensorsFile tensors(folder + "/logits.safetensors");
    const auto policy = make_policy(folder);
    for (const ModelCase& c : model_cases(folder + "/cases.json")) {
      INFO(model << " " << c.name);
      const auto scored = score_prompt(*policy, 0, {{7}, std::nullopt, c.ids, 3});
      const auto expected = reference(tensors, c.name + ".logprobs");
      REQUIRE(scored.error.empty());
      REQUIRE(scored.logprobs.size() == expected.size());
      CHECK(largest_gap(scored.logprobs.data(), expected.data(), expected.size()) < 2e-4);
      REQUIRE(scored.topk_ids.size() == 3 * expected.size());
      for (std::size_t i = 0; i < expected.size(); ++i) {
        CHECK(scored.topk_logprobs[3 * i] >= scored.logprobs[i]);
        for (std::size_t k = 3 * i; k < 3 * i + 3; ++k)
          if (scored.topk_ids[k] == c.ids[i + 1]) CHECK(scored.topk_logprobs[k] == scored.logprobs[i]);  // exactly
      }
      ++compared_prompts;
    }
    CHECK(score_prompt(*policy, 0, {{7}, std::nullopt, {5}, 3}).logprobs.empty());
    CHECK_FALSE(score_prompt(*policy, 0, {{7}, 9, {5, 6}, 3}).error.empty());  // no such version
  }
  compared("prompt", compared_prompts);
}
