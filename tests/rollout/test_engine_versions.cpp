// Several policy versions alive: pinning, no sharing between them, retirement.
#include "core/error.hpp"
#include "rollout/paged_policy.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

using Versions = std::vector<std::int64_t>;

EngineSettings settings_with(std::int32_t max_batch) {
  EngineSettings settings;
  settings.block_size = 4;
  settings.num_blocks = 64;
  settings.max_batch = max_batch;
  settings.prefill_budget = 32;
  return settings;
}

}  // namespace

TEST_CASE_METHOD(WithKernels, "running replies finish on their version, new ones take the newest") {
  PagedPolicy policy;
  const auto settings = settings_with(8);
  Engine engine(policy, settings);
  const auto prompt = tokens_of(13, 1);
  engine.submit(request_of(1, prompt, 10));
  Collector got;
  for (int i = 0; i < 4; ++i) engine.step();
  policy.publish(1);
  engine.set_newest(1);
  engine.submit(request_of(2, prompt, 10));
  auto pinned = request_of(3, prompt, 10);
  pinned.version = 0;
  engine.submit(pinned);
  got.run(engine);
  CHECK(got[1].versions == Versions(10, 0));
  CHECK(got[2].versions == Versions(10, 1));
  CHECK(got[3].versions == Versions(10, 0));
  CHECK(got[2].cached_tokens == 0);   // nothing of version 0 is taken over
  CHECK(got[3].cached_tokens == 12);  // version 0 has it
  CHECK(same_reply(got[1], generate_alone(policy, request_of(1, prompt, 10), 0, 32768)));
  CHECK(same_reply(got[2], generate_alone(policy, request_of(2, prompt, 10), 1, 32768)));
  CHECK(policy.impure_reads == 0);
}

TEST_CASE_METHOD(WithKernels, "one batch mixes versions in one step") {
  PagedPolicy policy;
  policy.publish(1);
  policy.publish(2);
  Engine engine(policy, settings_with(8));
  std::size_t most = 0;
  policy.on_step = [&](std::span<const SequenceStep> steps) {
    std::set<std::int64_t> seen;
    for (const auto& s : steps) seen.insert(s.version);
    most = std::max(most, seen.size());
  };
  for (std::uint64_t id : {0, 1, 2}) {
    auto request = request_of(id, tokens_of(5, 1), 4);
    request.version = static_cast<std::int64_t>(id);
    engine.submit(request);
  }
  Collector got;
  got.run(engine);
  CHECK(most == 3);
  CHECK(policy.impure_reads == 0);
}

TEST_CASE_METHOD(WithKernels, "a waiting request takes the version that is newest when it is admitted") {
  PagedPolicy policy;
  Engine engine(policy, settings_with(1));
  engine.submit(request_of(1, tokens_of(5, 1), 6));
  engine.submit(request_of(2, tokens_of(5, 2), 6));
  engine.step();
  policy.publish(4);
  engine.set_newest(4);
  Collector got;
  got.run(engine);
  CHECK(got[1].versions == Versions(6, 0));
  CHECK(got[2].versions == Versions(6, 4));
}

TEST_CASE_METHOD(WithKernels, "a preempted reply comes back on its own version") {
  PagedPolicy policy;
  auto settings = settings_with(4);
  settings.num_blocks = 10;
  Engine engine(policy, settings);
  for (std::uint64_t id : {1, 2, 3}) engine.submit(request_of(id, tokens_of(9, id), 20));
  Collector got;
  for (int i = 0; i < 3; ++i) engine.step();
  policy.publish(1);
  engine.set_newest(1);
  got.run(engine);
  CHECK(engine.statistics().preemptions > 0);
  for (std::uint64_t id : {1, 2}) {
    CHECK(same_reply(got[id], generate_alone(policy, request_of(id, tokens_of(9, id), 20), 0, 40)));
  }
  CHECK(policy.impure_reads == 0);
  CHECK(blocks_settled(engine, settings));
}

TEST_CASE_METHOD(WithKernels, "retirement waits for the last user, then frees weights and prefixes") {
  PagedPolicy policy;
  const auto settings = settings_with(1);
  Engine engine(policy, settings);
  CHECK_THROWS_AS(engine.retire(0), InternalError);  // it is the newest
  engine.submit(request_of(1, tokens_of(9, 1), 5));
  auto queued = request_of(2, tokens_of(9, 1), 5);
  queued.version = 0;
  engine.submit(queued);
  engine.step();
  policy.publish(1);
  engine.set_newest(1);
  engine.retire(0);
  CHECK(engine.in_use(0));
  CHECK(policy.versions() == Versions{0, 1});
  auto late = request_of(3, tokens_of(9, 1), 5);
  late.version = 0;
  engine.submit(late);  // no new users while it retires
  Collector got;
  got.take(engine);
  CHECK(got[3].finish == FinishReason::failed);
  CHECK(got[3].error.find("version 0") != std::string::npos);
  while (got[1].finish == FinishReason::none) {
    engine.step();
    got.take(engine);
  }
  CHECK(policy.versions() == Versions{0, 1});  // the queued one is pinned to it
  got.run(engine);
  CHECK(got[2].versions == Versions(5, 0));
  CHECK(policy.versions() == Versions{1});
  CHECK_FALSE(engine.in_use(0));
  CHECK(engine.statistics().idle_blocks == 0);  // its prefixes are gone
  CHECK(engine.statistics().free_blocks == settings.num_blocks);
}

TEST_CASE_METHOD(WithKernels, "an idle version is freed at once, and a rollback takes its retirement back") {
  PagedPolicy policy;
  policy.publish(1);
  policy.publish(2);
  Engine engine(policy, settings_with(2));
  CHECK(engine.newest() == 2);
  engine.retire(0);
  CHECK(policy.versions() == Versions{1, 2});
  auto pinned = request_of(1, tokens_of(5, 1), 5);
  pinned.version = 1;
  engine.submit(pinned);
  engine.retire(1);
  engine.set_newest(1);  // instant rollback
  Collector got;
  got.run(engine);
  CHECK(policy.versions() == Versions{1, 2});
  engine.submit(request_of(2, tokens_of(5, 2), 3));
  got.run(engine);
  CHECK(got[2].versions == Versions(3, 1));
  CHECK_THROWS_AS(engine.set_newest(9), InternalError);
}
