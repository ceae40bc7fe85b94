// Several replies to one request, plain prompts, log-probs and tokens at the request desk.

#include <set>

#include "roles/request_run.hpp"

using namespace clawrl;
using namespace clawrl::test;
using Desk = LiveRequests;

namespace {

ChatRequest three(const std::string& session = "alice") {
  ChatRequest request = Desk::request("Hi", session);
  request.n = 3;
  request.completion_id = "chatcmpl-x";
  return request;
}

struct Started {
  std::shared_ptr<Sink> sink;
  std::vector<GenerateRequest> sent;  // in the order of the choices
};

/// The first choice's first token lets the others go.
Started start_three(Desk& d, std::uint64_t ticket, const ChatRequest& request, const std::string& first = "A") {
  Started started;
  started.sink = d.start(ticket, request);
  for (auto& sent : d.mailbox.take<messages::Generate>()) started.sent.push_back(sent.message.request);
  REQUIRE(started.sent.size() == 1);
  d.tokens(ticket, first);
  for (auto& sent : d.mailbox.take<messages::Generate>()) started.sent.push_back(sent.message.request);
  REQUIRE(started.sent.size() == 3);
  return started;
}

ChatRequest continued(const std::string& reply) {
  ChatRequest next = Desk::request("Hi", "alice");
  next.messages.push_back({"assistant", reply, "", {}, ""});
  next.messages.push_back({"user", "Go on.", "", {}, ""});
  return next;
}

}  // namespace

TEST_CASE("a request is answered by the version of its user's line; choices that waited by the one of then") {
  std::int64_t newest = 3;
  RequestDeskSettings settings = Desk::standard();
  settings.version = [&](const Turn& turn) { return turn.user == "mia" ? newest : 0; };
  Desk d(settings);
  ChatRequest request = three();
  request.user = "mia";
  d.start(5, request);
  const auto first = d.mailbox.take<messages::Generate>();
  REQUIRE(first.size() == 1);
  CHECK(first[0].message.request.version == 3);
  newest = 7;  // 3 may be retired
  d.tokens(5, "A");
  for (const auto& sent : d.mailbox.take<messages::Generate>()) CHECK(sent.message.request.version == 7);
  d.start(6, Desk::request("Hi"));
  CHECK(d.mailbox.take<messages::Generate>()[0].message.request.version == 0);
}

TEST_CASE("each of n replies is a turn of its own seed, with one prompt and one place in the conversation") {
  Desk d;
  const Started started = start_three(d, 5, three());
  std::set<std::uint64_t> seeds, ids;
  for (const GenerateRequest& request : started.sent) {
    CHECK(request.prompt == started.sent[0].prompt);
    seeds.insert(request.sampling.seed);
    ids.insert(request.id.value);
  }
  CHECK(seeds.size() == 3);
  CHECK(ids.size() == 3);
  CHECK(started.sent[0].id == RequestId{5});
  CHECK(d.desk.active() == 3);
  d.tokens(5, "pples.", FinishReason::stop);
  d.tokens(started.sent[2].id.value, "Pears.", FinishReason::stop);
  d.tokens(started.sent[1].id.value, "Plums.", FinishReason::stop);
  for (int i = 0; i < 3; ++i) d.wait(*started.sink->choices.at(i));
  CHECK(started.sink->choices.at(0)->text == "Apples.");
  CHECK(started.sink->choices.at(1)->text == "Plums.");
  CHECK(started.sink->choices.at(2)->text == "Pears.");
  REQUIRE(d.answered.size() == 3);
  std::set<std::int64_t> turns;
  std::set<std::string> names;
  for (const Turn& turn : d.answered) {
    turns.insert(turn.id.value);
    names.insert(turn.completion_id);
    CHECK(turn.index == 0);
    CHECK(turn.session == "alice");
    REQUIRE(d.journal.turn(turn.id));
    CHECK(d.journal.turn(turn.id)->completion.sampling.seed == turn.completion.sampling.seed);
  }
  CHECK(turns.size() == 3);
  CHECK(names == std::set<std::string>{"chatcmpl-x", "chatcmpl-x/1", "chatcmpl-x/2"});
  CHECK(d.desk.active() == 0);
}

TEST_CASE("only the choice that the conversation goes on from is linked, the others end superseded") {
  Desk d;
  const Started started = start_three(d, 1, three());
  d.tokens(1, "pples.", FinishReason::stop);
  d.tokens(started.sent[1].id.value, "Plums.", FinishReason::stop);
  d.tokens(started.sent[2].id.value, "Pears.", FinishReason::stop);
  d.start(2, continued("Plums."));
  REQUIRE(d.linked.size() == 1);
  const TurnId lived = d.linked[0].id;
  CHECK(d.journal.turn(lived)->reply == "Plums.");
  const auto ended = d.sessions.end("alice");
  REQUIRE(ended.size() == 2);
  for (const EndedTurn& end : ended) {
    CHECK(end.superseded);
    CHECK(end.id != lived);
  }
}

TEST_CASE("choices that nothing followed are not judged: which one lived on is unknown") {
  Desk d;
  ChatRequest request = three();
  request.session_done = true;
  const Started started = start_three(d, 1, request);
  d.tokens(1, "pples.", FinishReason::stop);
  d.tokens(started.sent[1].id.value, "Plums.", FinishReason::stop);
  CHECK(d.ended.empty());  // the session is over with its last reply
  d.tokens(started.sent[2].id.value, "Pears.", FinishReason::stop);
  REQUIRE(d.ended.size() == 3);
  for (const EndedTurn& end : d.ended) CHECK(end.superseded);
}

TEST_CASE("a client that leaves ends all choices, also those that wait") {
  Desk d;
  d.start(1, three());
  CHECK(d.mailbox.take<messages::Generate>().size() == 1);
  d.desk.cancel(1);
  CHECK(d.desk.active() == 0);
  CHECK(d.meter.hung_up == 3);
  d.tokens(1, "late");
  CHECK(d.mailbox.take<messages::Generate>().empty());
}

TEST_CASE("a choice that fails ends the others") {
  Desk d;
  const Started started = start_three(d, 1, three());
  CompletionDelta failed;
  failed.id = started.sent[1].id;
  failed.part.finish = FinishReason::failed;
  failed.part.error = "no more";
  d.desk.take({failed});
  CHECK(started.sink->choices.at(1)->error.status == 500);
  CHECK(d.desk.active() == 0);
  CHECK(d.mailbox.take<messages::Cancel>().size() == 2);
}

TEST_CASE("a given seed gives the same choices again") {
  Desk d;
  ChatRequest request = three("");
  request.seed_given = true;
  request.sampling.seed = 42;
  const auto first = start_three(d, 1, request).sent, second = start_three(d, 2, request).sent;
  CHECK(first[0].sampling.seed == 42);
  for (int i = 0; i < 3; ++i) CHECK(first[i].sampling.seed == second[i].sampling.seed);
  CHECK(first[1].sampling.seed != first[2].sampling.seed);
}

TEST_CASE("all choices count against the queue") {
  RequestDeskSettings settings = Desk::standard();
  settings.max_queue = 4;
  Desk d(settings);
  d.start(1, three());
  CHECK(d.start(2, three())->error.status == 429);
  CHECK(d.start(3, Desk::request())->error.status == 0);
}

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
