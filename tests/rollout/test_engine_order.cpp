// Who is computed when, counted in steps.
#include "rollout/paged_policy.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

EngineSettings settings_with_budget(std::int32_t budget) {
  EngineSettings settings;
  settings.num_blocks = 1024;
  settings.prefill_budget = budget;
  settings.max_batch = 16;
  return settings;
}

}  // namespace

TEST_CASE_METHOD(WithKernels, "a 10,000-token prompt does not stop decoding streams") {
  PagedPolicy policy;
  Engine engine(policy, settings_with_budget(128));
  for (std::uint64_t id = 0; id < 8; ++id) engine.submit(request_of(id, tokens_of(10, id), 400));
  Collector got;
  engine.step();
  got.take(engine);
  engine.submit(request_of(100, tokens_of(10000, 100), 5));
  int steps = 0;
  while (got[100].ids.empty()) {
    const auto before = engine.statistics().sampled_tokens;
    REQUIRE(engine.step());
    got.take(engine);
    ++steps;
    REQUIRE(engine.statistics().sampled_tokens - before >= 8);  // every stream got its token
  }
  CHECK(steps == (10000 + 119) / 120);  // 128 less 8 decoded tokens a step
}

TEST_CASE_METHOD(WithKernels, "no step computes more than the budget, decoded tokens included") {
  PagedPolicy policy;
  Engine engine(policy, settings_with_budget(40));
  std::size_t most = 0;
  policy.on_step = [&](std::span<const SequenceStep> steps) {
    std::size_t tokens = 0;
    for (const auto& s : steps) tokens += s.tokens.size();
    most = std::max(most, tokens);
  };
  for (std::uint64_t id = 0; id < 30; ++id) engine.submit(request_of(id, tokens_of(37, id), 10));
  Collector got;
  got.run(engine);
  CHECK(most == 40);
}

TEST_CASE_METHOD(WithKernels, "prefill goes on when decoding alone fills the budget") {
  PagedPolicy policy;
  Engine engine(policy, settings_with_budget(4));
  for (std::uint64_t id = 0; id < 8; ++id) engine.submit(request_of(id, tokens_of(3, id), 300));
  Collector got;
  while (engine.statistics().sampled_tokens < 40) engine.step();
  engine.submit(request_of(50, tokens_of(12, 50), 1));
  int steps = 0;
  for (; got[50].finish == FinishReason::none; ++steps) {
    engine.step();
    got.take(engine);
  }
  CHECK(steps == 3);  // 4 prompt tokens a step beside 8 streams
}

TEST_CASE_METHOD(WithKernels, "admission is first come, first served, also past a request that must wait for blocks") {
  PagedPolicy policy;
  auto settings = settings_with_budget(64);
  settings.block_size = 4;
  settings.num_blocks = 20;
  Engine engine(policy, settings);
  engine.submit(request_of(0, tokens_of(30, 0), 8));  // 8 of 20 blocks
  engine.submit(request_of(1, tokens_of(60, 1), 2));  // must wait
  engine.submit(request_of(2, tokens_of(3, 2), 2));   // would fit, but came later
  std::vector<std::uint64_t> order;
  while (engine.step()) {
    for (const auto& delta : engine.take_deltas()) {
      if (std::find(order.begin(), order.end(), delta.id.value) == order.end()) order.push_back(delta.id.value);
    }
  }
  CHECK(order == std::vector<std::uint64_t>{0, 1, 2});
}

TEST_CASE_METHOD(WithKernels, "the oldest request is never preempted") {
  PagedPolicy policy;
  auto settings = settings_with_budget(64);
  settings.block_size = 1;
  settings.num_blocks = 60;
  Engine engine(policy, settings);
  for (std::uint64_t id = 0; id < 6; ++id) engine.submit(request_of(id, tokens_of(5, id), 40));
  Collector got;
  for (int step = 1; step <= 40; ++step) {
    engine.step();
    got.take(engine);
    REQUIRE(got[0].ids.size() == static_cast<std::size_t>(step));  // one token in every step
  }
  got.run(engine);
  CHECK(engine.statistics().preemptions > 3);
  for (std::uint64_t id = 0; id < 6; ++id) CHECK(got[id].ids.size() == 40);
}
