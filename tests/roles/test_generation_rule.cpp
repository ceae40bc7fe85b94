// A generation rule added from outside src/ by one file: questions about code are sampled more carefully.

#include "config/parse.hpp"
#include "core/error.hpp"
#include "roles/request_run.hpp"
#include "samples/request_type.hpp"

using namespace clawrl;
using namespace clawrl::test;
using Desk = LiveRequests;

static const RegisterGeneration careful("careful_code", [](const GenerationInput& input, GenerateRequest& request) {
  if (input.temperature_given || !request_type(input.turn).starts_with("code")) return;
  request.sampling.temperature = 0.5F;
  request.stop.max_tokens = 1 << 30;
});

static const RegisterGeneration meddler("meddler", [](const GenerationInput&, GenerateRequest& request) {
  request.prompt.push_back(7);
});

namespace {

const std::string kCode = "Fix the bug in this function: ```f()```";

RequestDeskSettings with_rule(const std::string& name) {
  auto settings = Desk::standard();
  settings.rollout.generation = name;
  settings.context = 4096;
  return settings;
}

GenerateRequest sent_by(Desk& d, const ChatRequest& request, std::uint64_t ticket) {
  d.start(ticket, request);
  const auto sent = d.mailbox.take<messages::Generate>();
  REQUIRE(sent.size() == 1);
  return sent[0].message.request;
}

}  // namespace

TEST_CASE("a rule forms what goes to the engine where the client left it open, and the record says so") {
  Desk d(with_rule("careful_code"));
  const auto code = sent_by(d, Desk::request(kCode, "alice"), 1);
  CHECK(code.sampling.temperature == 0.5F);
  CHECK(code.stop.max_tokens == 4096 - static_cast<std::int32_t>(code.prompt.size()));  // cut to the room there is
  CompletionDelta delta;  // an engine says with every token what it sampled with
  delta.id = {1};
  delta.part.ids = d.tokenizer.encode("Done.");
  delta.part.logprobs.assign(delta.part.ids.size(), -0.5F);
  delta.part.versions.assign(delta.part.ids.size(), 3);
  delta.part.sampling = code.sampling;
  delta.part.finish = FinishReason::stop;
  d.desk.take({delta});
  d.settle();
  REQUIRE(d.answered.size() == 1);
  CHECK(d.journal.turn(d.answered[0].id)->completion.sampling.temperature == 0.5F);
  CHECK(sent_by(d, Desk::request("Good morning!"), 2).sampling.temperature == 1.0F);
  ChatRequest given = Desk::request(kCode);
  given.temperature_given = true;
  given.sampling.temperature = 0.9F;
  CHECK(sent_by(d, given, 3).sampling.temperature == 0.9F);
}

TEST_CASE("turns that nobody learns from are the client's alone") {
  Desk d(with_rule("careful_code"));
  ChatRequest side = Desk::request(kCode);
  side.turn_type = TurnType::side;
  CHECK(sent_by(d, side, 1).sampling.temperature == 1.0F);
  ChatRequest stored = Desk::request(kCode);
  stored.learning = Learning::store;
  CHECK(sent_by(d, stored, 2).sampling.temperature == 1.0F);
}

TEST_CASE("a rule that touches the prompt fails its requests, not the head") {
  Desk d(with_rule("meddler"));
  const auto sink = d.start(1, Desk::request());
  CHECK(sink->ends == 1);
  CHECK(sink->error.status == 500);
  CHECK_THAT(sink->error.message, Catch::Contains("generation rule"));
  CHECK(d.mailbox.take<messages::Generate>().empty());
  CHECK(d.desk.active() == 0);
  CHECK(d.meter.refused == 1);
}

TEST_CASE("unknown rules are refused by the parser and by name; a name is taken once") {
  const JobDescription job{"online_rl", "", {"rollout"}, {}, {}, {}, generation_names()};
  RunConfig config;
  std::string help;
  const char* bad[] = {"online_rl", "--rollout.generation=magic"};
  CHECK_THROWS_WITH(parse(2, bad, job, config, help), Catch::Contains("magic") && Catch::Contains("careful_code"));
  const char* good[] = {"online_rl", "--rollout.generation=careful_code"};
  CHECK(parse(2, good, job, config, help));
  CHECK_THROWS_AS(find_generation("magic"), UserError);
  CHECK_THROWS_AS(RegisterGeneration("plain", [](const GenerationInput&, GenerateRequest&) {}), InternalError);
}
