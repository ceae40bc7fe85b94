// What a client is told besides the words: session, log-probs, thoughts, tokens, overflows; and plain prompts.

#include "roles/request_run.hpp"

using namespace clawrl;
using namespace clawrl::test;
using Desk = LiveRequests;

TEST_CASE("the client is told the session and what may be learned before anything else") {
  Desk d;
  ChatRequest request = Desk::request("Hi", "alice");
  request.key = "key1";
  request.learning = Learning::store;
  const auto sink = d.start(1, request);
  REQUIRE(sink->accepted);
  CHECK(sink->accepted->session == "alice");
  CHECK(sink->accepted->learning == Learning::store);
  CHECK_FALSE(d.start(2, Desk::request("Hi", ""))->accepted->session.empty());
  ChatRequest unknown = Desk::request();
  unknown.model = "other";
  CHECK_FALSE(d.start(3, unknown)->accepted);
}

TEST_CASE("a plain prompt is no chat and no training turn") {
  Desk d;
  ChatRequest request = Desk::request();
  request.messages.clear();
  request.plain = PlainPrompt{"Once <think> upon", {}, 1, true};
  const auto sink = d.start(1, request);
  const auto sent = d.mailbox.take<messages::Generate>();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].message.request.prompt == d.tokenizer.encode_with_post_processor("Once <think> upon"));
  CHECK(sent[0].message.request.record_top_k == 0);
  CHECK(sink->text == "Once <think> upon");  // the echo
  d.tokens(1, " a time <think> x", FinishReason::length);
  d.wait(*sink);
  CHECK(sink->text == "Once <think> upon a time <think> x");
  CHECK(sink->reasoning.empty());
  CHECK(sink->reason == "length");
  CHECK(d.answered.empty());

  request.plain = PlainPrompt{"", d.tokenizer.encode("Once upon")};
  d.start(2, request);
  CHECK(d.mailbox.take<messages::Generate>()[0].message.request.prompt == request.plain->ids);
  RequestDeskSettings small = Desk::standard();
  small.vocabulary = 100;
  Desk narrow(small);
  request.plain->ids = {5, 100};
  const auto refused = narrow.start(3, request);
  CHECK(refused->error.status == 400);
  CHECK(refused->error.param == "prompt");
}

TEST_CASE("an overflow is said in the words that clients know") {
  RequestDeskSettings settings = Desk::standard();
  settings.context = 32;
  Desk d(settings);
  std::string words;
  for (int i = 0; i < 60; ++i) words += "apples ";
  ChatRequest request = Desk::request(words);
  request.max_tokens = 10;
  const ChatError error = d.start(1, request)->error;
  const auto prompt = d.chat_template.render_ids(d.tokenizer, request.messages, "").size();
  CHECK(error.status == 400);
  CHECK(error.code == "context_length_exceeded");
  CHECK(error.message.find("maximum context length is 32 tokens. However, you requested " +
                           std::to_string(prompt + 10) + " tokens (" + std::to_string(prompt) +
                           " in the messages, 10 in the completion)") != std::string::npos);
}

TEST_CASE("log-probs are at temperature 1 and cost the turn's record nothing") {
  Desk d;
  ChatRequest request = Desk::request();
  request.logprobs = true;
  request.top_logprobs = 6;
  request.temperature_given = true;
  request.sampling.temperature = 0.5F;
  const auto sink = d.start(1, request);
  const GenerateRequest sent = d.mailbox.take<messages::Generate>()[0].message.request;
  CHECK(sent.record_top_k == 6);  // the desk's own record wants 4
  CHECK_FALSE(sent.record_at_t1);
  CompletionDelta delta;
  delta.id = {1};
  delta.part.ids = {d.tokenizer.encode("a").at(0)};
  delta.part.logprobs = {-1};
  delta.part.logprobs_t1 = {-2};
  for (TokenId k = 0; k < 6; ++k) {
    delta.part.topk_ids.push_back(k + 10);
    delta.part.topk_logprobs.push_back(-1 - static_cast<float>(k));
  }
  delta.part.versions = {3};
  delta.part.sampling.temperature = 0.5F;
  d.desk.take({delta});
  delta.part.ids = {1};  // the stop token is no text
  delta.part.finish = FinishReason::stop;
  d.desk.take({delta});
  d.wait(*sink);
  REQUIRE(sink->logprobs.size() == 1);
  CHECK(sink->logprobs[0].text == "a");
  CHECK(sink->logprobs[0].logprob == -2);
  REQUIRE(sink->logprobs[0].top.size() == 6);
  CHECK(sink->logprobs[0].top[0].second == Approx(-2));  // as likely as the sampled one
  CHECK(sink->logprobs[0].top[4].second == Approx(-4));  // 4 less at temperature 0.5 is 2 less at 1
  const Turn& turn = d.answered.at(0);
  CHECK(turn.completion.topk_ids == std::vector<TokenId>{10, 11, 12, 13, 10, 11, 12, 13});
  CHECK(turn.completion.topk_logprobs.size() == 8);

  request.sampling.top_p = 0.5F;  // not trainable: the record is made for the client
  d.start(2, request);
  CHECK(d.mailbox.take<messages::Generate>()[0].message.request.record_at_t1);
}

TEST_CASE("thoughts are counted as reasoning tokens") {
  RequestDeskSettings settings = Desk::standard();
  settings.reply_format.reasoning = true;
  Desk d(settings);
  const auto sink = d.start(1, Desk::request());
  const std::string thoughts = "<think>\nhm, let me see\n</think>\n\n";
  d.tokens(1, thoughts);
  d.tokens(1, "Yes.", FinishReason::stop);
  d.wait(*sink);
  CHECK(sink->text == "Yes.");
  CHECK(sink->usage.reasoning_tokens > 4);
  CHECK(sink->usage.reasoning_tokens <= static_cast<int>(d.tokenizer.encode(thoughts, SpecialText::as_text).size()));
  CHECK(sink->usage.completion_tokens > sink->usage.reasoning_tokens);
}

TEST_CASE("text and messages become tokens and text again") {
  Desk d;
  TokenizeRequest text;
  text.text = "Hello you.";
  const auto ids = d.desk.tokenize(text).value;
  REQUIRE(ids);
  CHECK(*ids == d.tokenizer.encode_with_post_processor("Hello you."));
  text.add_special_tokens = false;
  CHECK(*d.desk.tokenize(text).value == d.tokenizer.encode("Hello you."));
  CHECK(*d.desk.detokenize(d.tokenizer.encode("Hello you.")).value == "Hello you.");
  TokenizeRequest chat;
  chat.chat = Desk::request("Hi");
  chat.add_special_tokens = false;
  CHECK(*d.desk.tokenize(chat).value == d.chat_template.render_ids(d.tokenizer, chat.chat->messages, ""));

  CHECK(d.desk.detokenize({-1}).error.param == "tokens");
  CHECK(d.desk.detokenize({d.tokenizer.vocab_size()}).error.status == 400);
  chat.chat->messages[0].role = "wizard";
  CHECK(d.desk.tokenize(chat).error.status == 400);
  text.text = std::string(10'000'000, 'a');
  CHECK(d.desk.tokenize(text).error.code == "context_length_exceeded");
}
