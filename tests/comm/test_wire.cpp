#include "comm/wire.hpp"
#include "core/generation.hpp"
#include "core/message.hpp"
#include "core/step_metrics.hpp"
#include "core/training_sample.hpp"
#include "core/turn.hpp"
#include "core/verdict.hpp"
#include "support/catch.hpp"

using namespace clawrl;

namespace {

Completion completion() {
  Completion c;
  c.ids = {5, 151645, -1};
  c.logprobs = {-0.5F, -1.25F, -0.0F};
  c.logprobs_t1 = {-0.75F, -2.0F, -3.5F};
  c.topk_ids = {5, 6, 7, 8, 9, 10};
  c.topk_logprobs = {-1, -2, -3, -4, -5, -6};
  c.versions = {41, 41, 42};
  c.sampling = {0.7F, 0.9F, 40, 0xfedcba9876543210ULL};
  c.finish = FinishReason::length;
  c.cached_tokens = 17;
  c.error = "none";
  return c;
}

Message message() {
  return {"assistant", "Grüße \xF0\x9F\x99\x82", "why", {{"id1", "add", "{\"a\": 1}"}}, "call"};
}

Turn turn() {
  Turn t;
  t.id = {12};
  t.session = "s-1";
  t.index = 3;
  t.type = TurnType::side;
  t.messages = {message(), {}};
  t.tools = "[]";
  t.prompt = {1, 2, 3};
  t.completion = completion();
  t.reply = "yes";
  t.next_state = {message()};
  t.state = TurnState::excluded;
  t.exclusion = "greedy";
  t.model = "main";
  t.created_s = 1.7e9;
  return t;
}

Verdict verdict() {
  Verdict v;
  v.turn = {12};
  v.revision = 2;
  v.votes = {std::int8_t{-1}, std::nullopt, std::int8_t{1}};
  v.score = -1;
  v.hints = {"no bold", ""};
  v.chosen_hint = 1;
  v.teacher.logprobs = {-0.5F};
  v.teacher.student_logprobs = {-1, -2};
  v.teacher.topk_ids = {3, 4};
  v.teacher.topk_logprobs = {-0.1F, -0.2F};
  v.teacher.version = -1;
  v.error = "judge_failed";
  return v;
}

TrainingSample sample() {
  TrainingSample s;
  s.id = {{12}, 1};
  s.ids = {5, 6, 7, 8, 9};
  s.loss_mask = {0, 0, 0, 1, 1};
  s.sampler_logprobs = {0, 0, 0, -1, -2};
  s.advantages = {0, 0, 0, -1, 1};
  s.topk_width = 2;
  s.topk_ids = {1, 2, 3, 4};
  s.topk_logprobs = {-1, -2, -3, -4};
  s.topk_advantages = {0, 1, 0, 1};
  s.reference_logprobs = {0, 0, 0, -1, -1};
  s.version = 9;
  s.origin = "replay";
  return s;
}

/// Every cut, a surplus byte and a damaged count must give UserError; the whole must come back byte for byte.
template <class T>
void check_wire(const T& value) {
  const std::vector<std::byte> bytes = pack(value);
  REQUIRE(!bytes.empty());
  CHECK(pack(unpack<T>(bytes)) == bytes);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CHECK_THROWS_AS(unpack<T>(std::span(bytes).first(size)), UserError);
  }
  std::vector<std::byte> longer = bytes;
  longer.push_back(std::byte{0});
  CHECK_THROWS_AS(unpack<T>(longer), UserError);
}

}  // namespace

TEST_CASE("core structs survive the wire and damaged bytes do not") {
  check_wire(completion());
  check_wire(message());
  check_wire(turn());
  check_wire(verdict());
  check_wire(sample());
  check_wire(PolicyVersion{"user-7", 12, "base", "adapter"});
  check_wire(CompletionDelta{{7}, completion()});
  check_wire(StopConditions{64, {1, 2}, {"\n\n", "END"}});
  GenerateRequest request{{7},
                          {151644, 872},
                          {0.5F, 1.0F, 0, 3, 1.1F, 0.5F, -0.5F, {{7, -2.0F}}},
                          {16, {2}, {}},
                          42,
                          4,
                          true,
                          1.5,
                          {Constraint::Kind::json_schema, R"({"type":"null"})", ""}};
  check_wire(request);
  request.version.reset();
  check_wire(request);
  StepMetrics metrics;
  metrics.step = 3;
  metrics.loss = 1.0 / 3;
  metrics.seconds = 0.25;
  check_wire(metrics);
}

TEST_CASE("fields come back as they were") {
  const Turn t = unpack<Turn>(pack(turn()));
  CHECK(t.messages == turn().messages);
  CHECK(t.completion.sampling == completion().sampling);
  CHECK(t.completion.versions == completion().versions);
  CHECK(t.state == TurnState::excluded);
  const Verdict v = unpack<Verdict>(pack(verdict()));
  CHECK(v.votes == verdict().votes);
  CHECK(v.teacher.topk_ids == verdict().teacher.topk_ids);
  CHECK(unpack<TrainingSample>(pack(sample())).loss_mask == sample().loss_mask);
}

TEST_CASE("the format is cereal's binary one: counts of 8 bytes, plain little-endian values") {
  const std::vector<std::byte> bytes = pack(std::vector<std::int32_t>{1, -1});
  REQUIRE(bytes.size() == 16);
  CHECK(bytes[0] == std::byte{2});
  CHECK(bytes[8] == std::byte{1});
  CHECK(bytes[15] == std::byte{255});
}

TEST_CASE("a damaged count is refused before memory is asked for") {
  std::vector<std::byte> bytes = pack(std::vector<float>{1, 2, 3});
  for (std::size_t place = 2; place < 8; ++place) {
    std::vector<std::byte> damaged = bytes;
    damaged[place] = std::byte{255};
    CHECK_THROWS_WITH(unpack<std::vector<float>>(damaged), Catch::Contains("announces"));
  }
  std::vector<std::byte> text = pack(std::string("abc"));
  text[7] = std::byte{127};
  CHECK_THROWS_AS(unpack<std::string>(text), UserError);
}
