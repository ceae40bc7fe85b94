// Random workloads under many shapes of the engine against every request generated alone: the tokens must not differ.
#include <random>

#include "rollout/paged_policy.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

struct Workload {
  std::vector<GenerateRequest> requests;
  std::vector<int> submit_at;  // step
};

Workload random_workload(unsigned seed, std::size_t count) {
  std::mt19937 generator(seed);
  const auto pick = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(generator); };
  Workload work;
  for (std::size_t i = 0; i < count; ++i) {
    auto prompt = tokens_of(pick(0, 30), static_cast<std::uint64_t>(pick(0, 2)));  // shared beginnings
    for (auto id : tokens_of(pick(1, 12), 1000 + i)) prompt.push_back(id);
    auto request = request_of(i, prompt, pick(1, 25));
    request.sampling.temperature = std::vector<float>{0, 0.7F, 1, 1.3F}[static_cast<std::size_t>(pick(0, 3))];
    if (pick(0, 2) == 0) request.sampling.top_p = 0.8F;
    if (pick(0, 3) == 0) request.sampling.top_k = 5;
    if (pick(0, 3) == 0) request.sampling.frequency_penalty = 0.5F;
    if (pick(0, 3) == 0) request.sampling.repetition_penalty = 1.3F;
    if (pick(0, 5) == 0) request.sampling.logit_bias = {{3, -100}, {9, 2}};
    request.record_top_k = pick(0, 2);
    if (pick(0, 1) == 0) request.stop.stop_tokens = {pick(0, 39), pick(0, 39)};
    if (pick(0, 4) == 0) request.version = pick(0, 1);
    work.requests.push_back(request);
    work.submit_at.push_back(pick(0, 60));
  }
  return work;
}

/// Runs all, moving the newest version on at some steps; returns the statistics.
EngineStatistics check_workload(const EngineSettings& settings, const Workload& work) {
  PagedPolicy policy;
  for (std::int64_t version : {1, 2, 3}) policy.publish(version);
  Engine engine(policy, settings);
  engine.set_newest(1);
  Collector got;
  bool active = true;
  for (int step = 0; step <= 60 || active; ++step) {
    REQUIRE(step < 20000);
    if (step == 20) engine.set_newest(2);
    if (step == 40) engine.set_newest(3);
    for (std::size_t i = 0; i < work.requests.size(); ++i) {
      if (work.submit_at[i] == step) engine.submit(work.requests[i]);
    }
    active = engine.step();
    got.take(engine);
    const auto s = engine.statistics();
    REQUIRE(s.free_blocks + s.idle_blocks + s.used_blocks == settings.num_blocks);
    REQUIRE(s.running <= settings.max_batch);
  }
  REQUIRE(got.completions.size() == work.requests.size());
  for (const auto& request : work.requests) {
    const auto& reply = got[request.id.value];
    REQUIRE_FALSE(reply.versions.empty());
    const auto version = reply.versions.front();
    if (request.version) REQUIRE(version == *request.version);
    INFO("request " << request.id.value << " on version " << version);
    REQUIRE(same_reply(reply, generate_alone(policy, request, version, engine.statistics().context)));
  }
  CHECK(policy.impure_reads == 0);
  CHECK_FALSE(got.late);
  CHECK(blocks_settled(engine, settings));
  return engine.statistics();
}

}  // namespace

TEST_CASE_METHOD(WithKernels, "replies do not depend on chunks, batch, preemption or prefix cache") {
  std::int64_t preemptions = 0;
  std::int64_t cached = 0;
  std::int64_t evictions = 0;
  std::size_t shapes = 0;
  for (std::int32_t block_size : {1, 4, 16}) {
    for (std::int32_t slots : {80, 200, 4096}) {
      for (std::int32_t max_batch : {1, 5, 32}) {
        for (std::int32_t budget : {1, 7, 64, 1000}) {
          for (bool prefix_cache : {true, false}) {
            EngineSettings settings;
            settings.block_size = block_size;
            settings.num_blocks = slots / block_size;
            settings.max_batch = max_batch;
            settings.prefill_budget = budget;
            settings.max_context = 70;
            settings.prefix_cache = prefix_cache;
            INFO("block " << block_size << " slots " << slots << " batch " << max_batch << " budget " << budget);
            const auto s = check_workload(settings, random_workload(static_cast<unsigned>(shapes), 24));
            preemptions += s.preemptions;
            evictions += s.evictions;
            cached += prefix_cache ? s.cached_tokens : 0;
            if (!prefix_cache) CHECK(s.cached_tokens == 0);
            if (slots == 4096) CHECK(s.preemptions == 0);
            ++shapes;
          }
        }
      }
    }
  }
  CHECK(shapes == 216);
  CHECK(preemptions > 100);
  CHECK(cached > 1000);
  CHECK(evictions > 1000);
}

TEST_CASE_METHOD(WithKernels, "seeds reproduce whatever runs beside them") {
  const auto mine = [] {
    auto request = request_of(500, tokens_of(20, 3), 15);
    request.sampling.seed = 1234;
    return request;
  };
  std::vector<Completion> replies;
  for (std::uint64_t neighbours : {0, 1, 7, 20}) {
    PagedPolicy policy;
    EngineSettings settings;
    settings.num_blocks = 256;
    Engine engine(policy, settings);
    for (std::uint64_t i = 0; i < neighbours; ++i) {
      engine.submit(request_of(i, tokens_of(static_cast<std::int32_t>(3 + i), i), 30));
    }
    engine.submit(mine());
    Collector got;
    got.run(engine);
    replies.push_back(got[500]);
  }
  for (const auto& reply : replies) CHECK(same_reply(reply, replies.front()));
  auto other = mine();
  other.sampling.seed = 1235;
  CHECK(generate_alone(PagedPolicy(), other, 0, 32768).ids != replies.front().ids);
}

TEST_CASE_METHOD(WithKernels, "random cancellation leaks nothing and disturbs nobody") {
  for (unsigned seed = 0; seed < 20; ++seed) {
    PagedPolicy policy;
    EngineSettings settings;
    settings.block_size = 4;
    settings.num_blocks = 40;
    settings.max_batch = 6;
    settings.prefill_budget = 10;
    settings.max_context = 70;
    Engine engine(policy, settings);
    const auto work = random_workload(500 + seed, 24);
    std::mt19937 generator(seed);
    Collector got;
    for (int step = 0; step <= 60 || engine.statistics().running > 0; ++step) {
      for (std::size_t i = 0; i < work.requests.size(); ++i) {
        auto request = work.requests[i];
        request.version.reset();
        if (work.submit_at[i] == step) engine.submit(request);
      }
      if (generator() % 4 == 0) engine.cancel({generator() % 24});
      engine.step();
      got.take(engine);
    }
    got.run(engine);
    for (const auto& request : work.requests) {
      const auto& reply = got[request.id.value];
      auto expected = generate_alone(policy, request, 0, 70);
      if (reply.finish != FinishReason::cancelled) {
        REQUIRE(same_reply(reply, expected));
      } else {
        REQUIRE(reply.ids.size() <= expected.ids.size());
        expected.ids.resize(reply.ids.size());
        REQUIRE(reply.ids == expected.ids);
      }
    }
    CHECK_FALSE(got.late);
    CHECK(blocks_settled(engine, settings));
  }
}
