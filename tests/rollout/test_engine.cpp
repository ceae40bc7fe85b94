// One request after another through the engine: ends, refusals, errors, cancellation.
#include "core/error.hpp"
#include "rollout/paged_policy.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

EngineSettings small_settings() {
  EngineSettings settings;
  settings.block_size = 4;
  settings.num_blocks = 32;
  settings.max_batch = 4;
  settings.prefill_budget = 8;
  settings.max_context = 64;
  return settings;
}

}  // namespace

TEST_CASE_METHOD(WithKernels, "a reply is what the model gives alone, with everything that is recorded") {
  PagedPolicy policy;
  Engine engine(policy, small_settings());
  auto request = request_of(1, tokens_of(13, 1), 9);
  request.sampling.temperature = 0.8F;
  request.sampling.top_p = 0.9F;
  request.record_top_k = 3;
  engine.submit(request);
  Collector got;
  got.run(engine);
  const auto expected = generate_alone(policy, request, 0, 64);
  CHECK(same_reply(got[1], expected));
  CHECK(got[1].topk_ids.size() == 27);
  CHECK(got[1].finish == FinishReason::length);
  CHECK_FALSE(got.late);
  CHECK(blocks_settled(engine, small_settings()));
  CHECK(engine.statistics().sampled_tokens == 9);
  CHECK_FALSE(engine.step());
}

TEST_CASE_METHOD(WithKernels, "tokens come out one by one while the reply is being made") {
  PagedPolicy policy;
  Engine engine(policy, small_settings());
  engine.submit(request_of(1, tokens_of(6, 1), 5));
  for (int token = 0; token < 5; ++token) {
    REQUIRE(engine.step());
    const auto deltas = engine.take_deltas();
    REQUIRE(deltas.size() == 1);
    CHECK(deltas[0].part.ids.size() == 1);
    CHECK((deltas[0].part.finish == FinishReason::length) == (token == 4));
  }
  CHECK_FALSE(engine.step());
}

TEST_CASE_METHOD(WithKernels, "a stop token ends the reply and belongs to it") {
  PagedPolicy policy;
  Engine engine(policy, small_settings());
  auto request = request_of(1, tokens_of(5, 2), 30);
  const auto free_running = generate_alone(policy, request, 0, 64);
  request.stop.stop_tokens = {free_running.ids[7], 39};
  const auto expected = generate_alone(policy, request, 0, 64);
  engine.submit(request);
  Collector got;
  got.run(engine);
  CHECK(got[1].finish == FinishReason::stop);
  CHECK(same_reply(got[1], expected));
  CHECK(got[1].ids.size() <= 8);
}

TEST_CASE_METHOD(WithKernels, "a full context ends with length, a prompt that does not fit fails with words") {
  PagedPolicy policy;
  Engine engine(policy, small_settings());
  engine.submit(request_of(1, tokens_of(60, 1), 1000));
  engine.submit(request_of(2, tokens_of(63, 1), 1000));
  engine.submit(request_of(3, tokens_of(64, 1), 1000));
  Collector got;
  got.run(engine);
  CHECK(got[1].ids.size() == 4);
  CHECK(got[1].finish == FinishReason::length);
  CHECK(got[2].ids.size() == 1);
  CHECK(got[3].finish == FinishReason::failed);
  CHECK(got[3].error.find("64 tokens") != std::string::npos);
  CHECK(blocks_settled(engine, small_settings()));
}

TEST_CASE_METHOD(WithKernels, "the cache bounds the context when it is the smallest") {
  PagedPolicy policy;
  auto settings = small_settings();
  settings.num_blocks = 5;
  Engine engine(policy, settings);
  engine.submit(request_of(1, tokens_of(17, 1), 1000));
  engine.submit(request_of(2, tokens_of(3, 2), 1000));
  Collector got;
  got.run(engine);
  CHECK(got[1].ids.size() == 3);
  CHECK(got[2].ids.size() == 17);
  CHECK(blocks_settled(engine, settings));
}

TEST_CASE_METHOD(WithKernels, "what cannot be run is refused with words and nothing else is touched") {
  PagedPolicy policy;
  auto settings = small_settings();
  settings.max_waiting = 2;
  Engine engine(policy, settings);
  const auto refused = [&](const std::string& word, auto change) {
    auto request = request_of(1, tokens_of(5, 1), 5);
    change(request);
    engine.submit(request);
    const auto deltas = engine.take_deltas();
    REQUIRE(deltas.size() == 1);
    CHECK(deltas[0].part.finish == FinishReason::failed);
    INFO(deltas[0].part.error);
    CHECK(deltas[0].part.error.find(word) != std::string::npos);
  };
  refused("no tokens", [](auto& r) { r.prompt.clear(); });
  refused("vocabulary", [](auto& r) { r.prompt[2] = 40; });
  refused("vocabulary", [](auto& r) { r.prompt[2] = -1; });
  refused("max_tokens", [](auto& r) { r.stop.max_tokens = 0; });
  refused("record_top_k", [](auto& r) { r.record_top_k = 41; });
  refused("temperature", [](auto& r) { r.sampling.temperature = NAN; });
  refused("temperature", [](auto& r) { r.sampling.temperature = -1; });
  refused("top_p", [](auto& r) { r.sampling.top_p = 0; });
  refused("top_k", [](auto& r) { r.sampling.top_k = -2; });
  refused("repetition_penalty", [](auto& r) { r.sampling.repetition_penalty = 0; });
  refused("presence_penalty", [](auto& r) { r.sampling.presence_penalty = 3; });
  refused("token 40", [](auto& r) { r.sampling.logit_bias = {{40, 1}}; });
  refused("within -100", [](auto& r) { r.sampling.logit_bias = {{4, NAN}}; });
  refused("deadline", [](auto& r) { r.deadline_s = -1; });
  refused("version 5", [](auto& r) { r.version = 5; });
  engine.submit(request_of(1, tokens_of(5, 1), 5));
  CHECK_THROWS_AS(engine.submit(request_of(1, tokens_of(5, 1), 5)), InternalError);
  engine.submit(request_of(2, tokens_of(5, 1), 5));
  engine.submit(request_of(3, tokens_of(5, 1), 5));
  Collector got;
  got.run(engine);
  CHECK(got[3].error.find("queue is full") != std::string::npos);
  CHECK(got[1].ids.size() == 5);
  CHECK(got[2].ids.size() == 5);
}

TEST_CASE_METHOD(WithKernels, "requests can be cancelled while waiting, prefilling and decoding") {
  PagedPolicy policy;
  auto settings = small_settings();
  settings.max_batch = 2;
  Engine engine(policy, settings);
  engine.submit(request_of(1, tokens_of(4, 1), 50));
  engine.submit(request_of(2, tokens_of(40, 2), 5));
  engine.submit(request_of(3, tokens_of(4, 3), 5));
  Collector got;
  for (int i = 0; i < 3; ++i) engine.step();
  got.take(engine);
  CHECK(got[1].ids.size() == 3);  // decoding
  CHECK(got[2].ids.empty());      // prefilling
  CHECK(engine.statistics().waiting == 1);
  for (std::uint64_t id : {1, 2, 3, 3, 99}) engine.cancel({id});
  CHECK(engine.step());
  got.take(engine);
  for (std::uint64_t id : {1, 2, 3}) CHECK(got[id].finish == FinishReason::cancelled);
  CHECK(got[1].ids.size() == 3);
  CHECK(blocks_settled(engine, settings));
  CHECK_FALSE(engine.step());
  engine.submit(request_of(4, tokens_of(4, 1), 5));
  engine.cancel({4});
  got.run(engine);
  CHECK(got[4].finish == FinishReason::cancelled);
  CHECK_FALSE(got.late);
  CHECK(engine.statistics().cancelled == 4);
}

TEST_CASE_METHOD(WithKernels, "a passed deadline ends a request, one far away does not") {
  PagedPolicy policy;
  Engine engine(policy, small_settings());
  auto hurried = request_of(1, tokens_of(5, 1), 5);
  hurried.deadline_s = 1e-9;
  auto patient = request_of(2, tokens_of(5, 2), 5);
  patient.deadline_s = 1e6;
  engine.submit(hurried);
  engine.submit(patient);
  Collector got;
  got.run(engine);
  CHECK(got[1].finish == FinishReason::deadline);
  CHECK(got[2].finish == FinishReason::length);
  CHECK(engine.statistics().overdue == 1);
  CHECK(blocks_settled(engine, small_settings()));
}

TEST_CASE_METHOD(WithKernels, "an error of the model fails those in the step and the engine lives on") {
  PagedPolicy policy;
  auto settings = small_settings();
  settings.max_batch = 2;
  Engine engine(policy, settings);
  for (std::uint64_t id : {1, 2, 3}) engine.submit(request_of(id, tokens_of(4, id), 6));
  int calls = 0;
  policy.on_step = [&](auto) {
    if (++calls == 3) throw std::runtime_error("out of memory on purpose");
  };
  Collector got;
  got.run(engine);
  for (std::uint64_t id : {1, 2}) {
    CHECK(got[id].finish == FinishReason::failed);
    CHECK(got[id].error.find("out of memory on purpose") != std::string::npos);
    CHECK(got[id].ids.size() == 2);
  }
  CHECK(same_reply(got[3], generate_alone(policy, request_of(3, tokens_of(4, 3), 6), 0, 64)));
  CHECK(blocks_settled(engine, settings));
}

TEST_CASE_METHOD(WithKernels, "logits that are not finite fail one request, not its neighbours") {
  PagedPolicy policy;
  Engine engine(policy, small_settings());
  policy.nan_token = 40 - 1;
  auto poisoned = tokens_of(6, 4, 39);
  poisoned.push_back(39);
  engine.submit(request_of(1, poisoned, 5));
  auto healthy = request_of(2, tokens_of(6, 5, 39), 5);
  while (true) {  // a seed whose reply does not hold the poison
    const auto reply = generate_alone(policy, healthy, 0, 64).ids;
    if (std::find(reply.begin(), reply.end(), 39) == reply.end()) break;
    ++healthy.sampling.seed;
  }
  engine.submit(healthy);
  Collector got;
  got.run(engine);
  CHECK(got[1].finish == FinishReason::failed);
  CHECK(got[1].error.find("not finite") != std::string::npos);
  CHECK(same_reply(got[2], generate_alone(policy, healthy, 0, 64)));
  CHECK(blocks_settled(engine, small_settings()));
}

TEST_CASE_METHOD(WithKernels, "a repeated prompt is served from the cache, its last token never") {
  PagedPolicy policy;
  Engine engine(policy, small_settings());
  Collector got;
  engine.submit(request_of(1, tokens_of(16, 1), 4));
  got.run(engine);
  const auto before = policy.written;
  engine.submit(request_of(2, tokens_of(16, 1), 1));
  got.run(engine);
  CHECK(got[1].cached_tokens == 0);
  CHECK(got[2].cached_tokens == 12);  // 3 of 4 full blocks: one token at least is computed
  CHECK(policy.written - before == 4);
  auto next_turn = tokens_of(16, 1);  // the conversation goes on: reply and new words
  next_turn.insert(next_turn.end(), got[1].ids.begin(), got[1].ids.end());
  for (auto id : tokens_of(3, 9)) next_turn.push_back(id);
  engine.submit(request_of(3, next_turn, 3));
  got.run(engine);
  CHECK(got[3].cached_tokens == 16);  // the reply's last token was never computed, so its block is not full
  CHECK(same_reply(got[3], generate_alone(policy, request_of(3, next_turn, 3), 0, 64)));
}

TEST_CASE("settings and circumstances that cannot work are named") {
  PagedPolicy policy;
  auto settings = small_settings();
  settings.max_batch = 0;
  CHECK_THROWS_AS(Engine(policy, settings), UserError);
  settings = small_settings();
  settings.prefill_budget = 0;
  CHECK_THROWS_AS(Engine(policy, settings), UserError);
  settings = small_settings();
  settings.max_context = 1;
  CHECK_THROWS_AS(Engine(policy, settings), UserError);
  PagedPolicy empty;
  empty.discard(0);
  CHECK_THROWS_AS(Engine(empty, small_settings()), InternalError);
}
