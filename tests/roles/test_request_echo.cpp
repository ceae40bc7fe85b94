// Echoes with log-probs: the prompt is scored, then goes on.

#include <cmath>

#include "roles/prompt_scores.hpp"
#include "roles/request_run.hpp"

using namespace clawrl;
using namespace clawrl::test;
using Desk = LiveRequests;

namespace {

ChatRequest echo(std::int32_t max_tokens, std::int32_t top = 1) {
  ChatRequest request = Desk::request();
  request.messages.clear();
  request.plain = PlainPrompt{"Once upon", {}, 1, true};
  request.max_tokens = max_tokens;
  request.logprobs = true;
  request.top_logprobs = top;
  return request;
}

/// Each token has -1 and is the likeliest.
messages::PromptScored scores(const messages::ScorePrompt& asked) {
  messages::PromptScored scored;
  scored.id = asked.id;
  scored.topk_ids.assign(asked.ids.begin() + 1, asked.ids.end());
  scored.logprobs.assign(scored.topk_ids.size(), -1);
  scored.topk_logprobs = scored.logprobs;
  return scored;
}

std::string text_of(const std::vector<TokenLogprob>& tokens) {
  std::string text;
  for (const TokenLogprob& token : tokens) text += token.text;
  return text;
}

}  // namespace

TEST_CASE("the prompt's log-probs come first, then the reply with its own, stop token included") {
  Desk d;
  const auto sink = d.start(1, echo(4));
  REQUIRE(d.mailbox.posted.size() == 2);
  CHECK(d.mailbox.posted[0].type == messages::ScorePrompt::type_id);  // answered before the tokens come
  const auto asked = d.mailbox.take<messages::ScorePrompt>();
  const auto sent = d.mailbox.take<messages::Generate>();
  CHECK(asked[0].rank == sent[0].rank);
  CHECK(asked[0].message.ids == sent[0].message.request.prompt);
  CHECK(asked[0].message.top_k == 1);
  CHECK(sink->text.empty());
  d.desk.take(scores(asked[0].message));
  CHECK(sink->text == "Once upon");
  CHECK(text_of(sink->logprobs) == "Once upon");
  CHECK(std::isnan(sink->logprobs.front().logprob));
  CHECK(sink->logprobs.front().top.empty());
  CHECK(sink->logprobs.back().logprob == -1);
  CHECK(sink->logprobs.back().top.at(0).first == sink->logprobs.back().text);
  const std::size_t prompt = sink->logprobs.size();
  CHECK(prompt == asked[0].message.ids.size());
  CompletionDelta stop{{1}, {}};
  stop.part.ids = {1};  // a stop token, which is no text
  stop.part.logprobs = stop.part.logprobs_t1 = {-0.5F};
  stop.part.versions = {3};
  stop.part.finish = FinishReason::stop;
  d.desk.take({stop});
  d.wait(*sink);
  CHECK(sink->text == "Once upon");
  CHECK(sink->logprobs.size() == prompt + 1);
}

TEST_CASE("max_tokens 0 scores the prompt and samples nothing") {
  Desk d;
  ChatRequest request = echo(0, 0);
  request.n = 2;
  const auto sink = d.start(1, request);
  CHECK(d.mailbox.take<messages::Generate>().empty());
  const auto asked = d.mailbox.take<messages::ScorePrompt>();
  REQUIRE(asked.size() == 1);
  d.desk.take(scores(asked[0].message));
  for (auto& [index, choice] : sink->choices) {
    d.wait(*choice);
    CHECK(choice->text == "Once upon");
    CHECK(choice->reason == "length");
    CHECK(choice->logprobs.size() == asked[0].message.ids.size());
    CHECK(choice->usage.completion_tokens == 0);
    CHECK(choice->usage.prompt_tokens == static_cast<int>(asked[0].message.ids.size()));
  }
  CHECK(sink->choices.size() == 2);
  CHECK(d.desk.active() == 0);

  request.logprobs = false;  // nothing to wait for
  request.n = 1;
  const auto plain = d.start(2, request);
  d.wait(*plain);
  CHECK(plain->text == "Once upon");
  CHECK(d.mailbox.posted.empty());
}

TEST_CASE("a prompt of tokens is echoed as their text; a token of the tokenizer's own has no text") {
  Desk d;
  ChatRequest request = echo(0);
  request.plain = PlainPrompt{"", d.tokenizer.encode("Once upon"), 1, true};
  const auto sink = d.start(1, request);
  d.desk.take(scores(d.mailbox.take<messages::ScorePrompt>().at(0).message));
  d.wait(*sink);
  CHECK(sink->text == "Once upon");

  const std::vector<TokenId> prompt = {1, request.plain->ids[0]};
  const auto shown = shown_prompt(scores({{1}, std::nullopt, prompt, 1}), prompt, "Once", d.tokenizer);
  CHECK(shown[0].text.empty());
  CHECK(text_of(shown) == d.tokenizer.bytes_of(prompt[1]));
}

TEST_CASE("a prompt that cannot be scored fails its request; answers to clients that left are passed over") {
  Desk d;
  const auto sink = d.start(1, echo(4));
  messages::PromptScored failed;
  failed.id = {1};
  failed.error = "version 7 is not loaded";
  d.desk.take(failed);
  CHECK(sink->error.status == 500);
  CHECK(sink->error.message == "version 7 is not loaded");
  CHECK(d.desk.active() == 0);
  const auto left = d.start(2, echo(4));
  d.desk.cancel(2);
  failed.id = {2};
  d.desk.take(failed);
  CHECK(left->error.status == 0);
  failed.error.clear();
  d.desk.take(failed);
  CHECK(left->text.empty());
}

TEST_CASE("a prompt's reply waits behind its scores, and goes with them when the client leaves") {
  PromptScoreQueue queue;
  GenerateRequest generate;
  for (const std::uint64_t id : {1, 2, 3}) queue.ask({{id}, std::nullopt, {5, 6}, 0});
  generate.id = {2};
  CHECK(queue.hold(generate));
  generate.id = {4};
  CHECK_FALSE(queue.hold(generate));
  queue.cancel({1});
  const auto next = queue.take();
  REQUIRE(next);
  CHECK(next->asked.id == RequestId{2});
  REQUIRE(next->then);
  CHECK(next->then->id == RequestId{2});
  queue.ask({{4}, 7, {5, 6}, 0});
  CHECK_FALSE(queue.take_of(8));
  CHECK(queue.take_of(7)->asked.id == RequestId{4});  // before its version goes
  CHECK_FALSE(queue.take()->then);
  CHECK_FALSE(queue.take());
}

TEST_CASE("more numbers than fit are refused by name") {
  Desk d;
  ChatRequest request = echo(0, 20);
  request.plain = PlainPrompt{"", std::vector<TokenId>(1561, 5), 1, true};
  const auto sink = d.start(1, request);
  CHECK(sink->error.status == 400);
  CHECK(sink->error.type == "invalid_request_error");
  CHECK(sink->error.param == "logprobs");
  CHECK(sink->error.message.find("32768, not 32781") != std::string::npos);
  request.top_logprobs = 4;
  request.plain->among = 5;
  CHECK(d.start(4, request)->error.param == "logprobs");
  request.plain = PlainPrompt{"", std::vector<TokenId>(8193, 5), 1, true};
  CHECK(d.start(5, request)->error.param == "prompt");
  request.plain = PlainPrompt{"", std::vector<TokenId>(1561, 5), 1, true};
  request.top_logprobs = 4;
  request.n = 5;
  CHECK(d.start(3, request)->error.param == "logprobs");
  request.n = 4;
  CHECK(d.start(2, request)->error.status == 0);
}
