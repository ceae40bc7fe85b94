// Live requests: what is refused and how, streaming, stop text, hang-up, and the journaled turn.

#include <algorithm>

#include "prompt/chat_template.hpp"
#include "roles/request_run.hpp"

using namespace clawrl;
using namespace clawrl::test;
using Desk = LiveRequests;

TEST_CASE("a request becomes a Generate message with the run's defaults") {
  Desk d;
  ChatRequest plain = Desk::request();
  d.start(7, plain);
  ChatRequest given = Desk::request();
  given.temperature_given = given.seed_given = true;
  given.sampling.temperature = 0.25F;
  given.sampling.seed = 99;
  given.max_tokens = 12;
  given.turn_type = TurnType::side;
  d.start(8, given);
  const auto sent = d.mailbox.take<messages::Generate>();
  REQUIRE(sent.size() == 2);
  const GenerateRequest &one = sent[0].message.request, &two = sent[1].message.request;
  CHECK(one.id == RequestId{7});
  CHECK(one.prompt == d.chat_template.render_ids(d.tokenizer, plain.messages, ""));
  CHECK(one.sampling.temperature == 1.0F);
  CHECK(one.stop.max_tokens == 256);
  CHECK(one.record_top_k == 4);
  CHECK(one.stop.stop_tokens == std::vector<TokenId>{1});
  CHECK(two.sampling.temperature == 0.25F);
  CHECK(two.sampling.seed == 99);
  CHECK(two.stop.max_tokens == 12);
  CHECK(two.record_top_k == 0);  // side turns are not trained
  d.start(9, plain);
  CHECK(d.mailbox.take<messages::Generate>()[0].message.request.sampling.seed != one.sampling.seed);
}

TEST_CASE("text streams out, the turn is in the journal when the end comes") {
  Desk d;
  const auto sink = d.start(1, Desk::request("Hi", "alice"));
  d.tokens(1, "Hello ");
  CHECK(sink->text == "Hello ");
  d.tokens(1, "you.", FinishReason::stop);
  d.wait(*sink);
  CHECK(sink->text == "Hello you.");
  CHECK(sink->reason == "stop");
  CHECK(sink->ends == 1);
  CHECK(sink->usage.completion_tokens > 0);
  REQUIRE(d.answered.size() == 1);
  const auto turn = d.journal.turn(d.answered[0].id);
  REQUIRE(turn.has_value());
  CHECK(turn->state == TurnState::answered);
  CHECK(turn->reply == "Hello you.");
  CHECK(turn->session == "alice");
  CHECK(turn->completion.versions.size() == turn->completion.ids.size());
  CHECK(d.desk.active() == 0);
  CHECK(d.meter.served == 1);
}

TEST_CASE("the next message of the session is the answered turn's next state") {
  Desk d;
  d.start(1, Desk::request("Hi", "alice"));
  d.tokens(1, "Hello you.", FinishReason::stop);
  ChatRequest next = Desk::request("Hi", "alice");
  next.messages.push_back({"assistant", "Hello you.", "", {}, ""});
  next.messages.push_back({"user", "No bold, please.", "", {}, ""});
  next.session_done = true;
  d.start(2, next);
  REQUIRE(d.linked.size() == 1);
  CHECK(d.linked[0].id == d.answered[0].id);
  REQUIRE(d.linked[0].next_state.size() == 1);
  CHECK(d.linked[0].next_state[0].text == "No bold, please.");
  CHECK(d.ended.empty());
  d.tokens(2, "Fine.", FinishReason::length);
  REQUIRE(d.ended.size() == 1);  // the session is over: its last turn gets no next state
  CHECK(d.ended[0].id == d.answered[1].id);
}

TEST_CASE("requests that cannot be served are refused in OpenAI's words") {
  RequestDeskSettings settings = Desk::standard();
  settings.max_queue = 1;
  settings.context = 64;
  Desk d(settings);
  ChatRequest other = Desk::request();
  other.model = "gpt-9";
  const auto unknown = d.start(1, other);
  CHECK(unknown->error.status == 404);
  CHECK(unknown->error.code == "model_not_found");
  CHECK_THAT(unknown->error.message, Catch::Matchers::Contains("gpt-9") && Catch::Matchers::Contains("demo"));

  std::string words;
  for (int i = 0; i < 200; ++i) words += "apples ";
  const auto long_prompt = d.start(2, Desk::request(words));
  CHECK(long_prompt->error.status == 400);
  CHECK(long_prompt->error.code == "context_length_exceeded");
  CHECK_THAT(long_prompt->error.message, Catch::Matchers::Contains("64 tokens"));

  ChatRequest strange = Desk::request();
  strange.messages[0].role = "wizard";
  CHECK(d.start(3, strange)->error.status == 400);

  CHECK(d.mailbox.posted.empty());
  const auto first = d.start(4, Desk::request());
  const auto second = d.start(5, Desk::request());
  CHECK(first->ends == 0);
  CHECK(second->error.status == 429);
  CHECK(second->error.code == "queue_full");
  CHECK(d.meter.invalid == 3);
  CHECK(d.meter.refused == 1);
  CHECK(d.meter.requests == 1);
  CHECK(d.mailbox.take<messages::Generate>()[0].message.request.stop.max_tokens < 64);  // what is left of the context
}

TEST_CASE("a stop text ends the reply before it, cancels the generation, and later tokens are ignored") {
  Desk d;
  ChatRequest request = Desk::request("Hi", "bob");
  request.stop = {"\nUser:"};
  const auto sink = d.start(1, request);
  const int rank = d.mailbox.take<messages::Generate>()[0].rank;
  d.tokens(1, "Hello.\nUs");
  CHECK(sink->text == "Hello.");
  CHECK(d.mailbox.posted.empty());
  d.tokens(1, "er: and more");
  const auto cancel = d.mailbox.take<messages::Cancel>();
  REQUIRE(cancel.size() == 1);
  CHECK(cancel[0].rank == rank);
  CHECK(cancel[0].message.id == RequestId{1});
  d.tokens(1, "even later", FinishReason::cancelled);
  d.wait(*sink);
  CHECK(sink->text == "Hello.");
  CHECK(sink->reason == "stop");
  CHECK(d.answered.at(0).reply == "Hello.");
  CHECK(d.meter.served == 1);
}

TEST_CASE("a stop text inside the last tokens is a stop, not the length") {
  Desk d;
  ChatRequest request = Desk::request();
  request.stop = {"END"};
  const auto sink = d.start(1, request);
  d.tokens(1, "Hello END of it", FinishReason::length);
  d.wait(*sink);
  CHECK(sink->text == "Hello ");
  CHECK(sink->reason == "stop");
  CHECK(d.mailbox.take<messages::Cancel>().empty());  // it has ended by itself
}

TEST_CASE("what may become a stop text and does not is sent at the end") {
  Desk d;
  ChatRequest request = Desk::request();
  request.stop = {"ENDING"};
  const auto sink = d.start(1, request);
  d.tokens(1, "the END", FinishReason::length);
  d.wait(*sink);
  CHECK(sink->text == "the END");
  CHECK(sink->reason == "length");
}

TEST_CASE("a client that hangs up stops its generation, and the half turn is aborted") {
  Desk d;
  const auto sink = d.start(1, Desk::request("Hi", "carol"));
  const int rank = d.mailbox.take<messages::Generate>()[0].rank;
  d.tokens(1, "Half a ");
  d.desk.cancel(1);
  d.desk.cancel(1);  // known to be over
  d.desk.cancel(77);
  const auto cancel = d.mailbox.take<messages::Cancel>();
  CHECK(ranks_of(cancel) == std::vector<int>{rank});
  d.tokens(1, "reply", FinishReason::stop);
  d.settle();
  const auto aborted = d.journal.turns_in(TurnState::aborted);
  REQUIRE(aborted.size() == 1);
  CHECK(d.journal.turn(aborted[0])->reply == "Half a ");
  CHECK(d.answered.empty());
  CHECK(d.desk.active() == 0);
  CHECK(d.meter.hung_up == 1);
  CHECK(d.meter.served == 0);
}

TEST_CASE("a failed generation is an error to the client, counted by how far it came") {
  Desk d;
  const auto early = d.start(1, Desk::request()), late = d.start(2, Desk::request());
  d.tokens(2, "some text");
  CompletionDelta failure;
  failure.part.finish = FinishReason::failed;
  failure.part.error = "no blocks left";
  for (std::uint64_t ticket : {1, 2}) {
    failure.id = {ticket};
    d.desk.take({failure});
  }
  CHECK(early->error.status == 500);
  CHECK(late->error.message == "no blocks left");
  CHECK(d.meter.refused == 1);
  CHECK(d.meter.cut == 1);
  d.settle();
  CHECK(d.journal.turns_in(TurnState::aborted).size() == 2);

  const auto running = d.start(3, Desk::request());
  d.desk.fail_all("shutting down");
  CHECK(running->error.message == "shutting down");
  CHECK(d.desk.active() == 0);
}

TEST_CASE("side turns are stored and neither linked nor learned from") {
  Desk d;
  ChatRequest request = Desk::request("Hi", "dave");
  request.turn_type = TurnType::side;
  const auto sink = d.start(1, request);
  d.tokens(1, "Hello.", FinishReason::stop);
  d.wait(*sink);
  CHECK(d.answered.empty());
  CHECK(d.journal.turns_in(TurnState::side).size() == 1);
  CHECK(d.sessions.open_turns() == 0);
}

TEST_CASE("a session stays on one rank, others spread") {
  Desk d;
  for (std::uint64_t ticket = 1; ticket <= 6; ++ticket) d.start(ticket, Desk::request("Hi", "erin"));
  const auto same = ranks_of(d.mailbox.take<messages::Generate>());
  CHECK(std::equal(same.begin() + 1, same.end(), same.begin()));
  for (std::uint64_t ticket = 7; ticket <= 40; ++ticket) d.start(ticket, Desk::request("Hi", "erin"));
  const auto more = ranks_of(d.mailbox.take<messages::Generate>());
  CHECK(std::count(more.begin(), more.end(), same[0] == 4 ? 5 : 4) > 8);  // a busy home rank is not waited for
}

TEST_CASE("conversations that may only be stored are linked and kept out of learning; the others leave no trace here") {
  for (const Learning learning : {Learning::store, Learning::off}) {
    Desk d;
    ChatRequest request = Desk::request("Hi", "frank");
    request.learning = learning;
    d.start(1, request);
    d.tokens(1, "Hello.", FinishReason::stop);
    request.messages.push_back({"assistant", "Hello.", "", {}, ""});
    request.messages.push_back({"user", "Thanks.", "", {}, ""});
    request.session_done = true;
    d.start(2, request);
    d.tokens(2, "Welcome.", FinishReason::stop);
    d.settle();
    CHECK(d.answered.empty());
    CHECK(d.ended.empty());
    CHECK(d.linked.size() == (learning == Learning::store ? 1 : 0));
    CHECK(d.sessions.open_turns() == 0);
    if (learning == Learning::off) continue;
    const auto turns = d.journal.turns_in(TurnState::excluded);
    REQUIRE(turns.size() == 2);
    CHECK(d.journal.turn(turns[0])->exclusion == "opted_out");
  }
}

TEST_CASE("a request that states nothing is placed by its messages, and side calls by their signs") {
  Desk d;
  d.start(1, Desk::request("Hi"));
  d.tokens(1, "Hello you.", FinishReason::stop);
  ChatRequest next = Desk::request("Hi");
  next.messages.push_back({"assistant", "Hello you.", "", {}, ""});
  next.messages.push_back({"user", "[Fri 2026-11-20 23:32 UTC] No bold, please.", "", {}, ""});
  d.start(2, next);
  REQUIRE(d.linked.size() == 1);
  CHECK(d.linked[0].next_state[0].text == "No bold, please.");
  d.tokens(2, "Fine.", FinishReason::stop);
  REQUIRE(d.answered.size() == 2);
  CHECK(d.answered[0].session == d.answered[1].session);
  CHECK(d.answered[1].index == 1);

  ChatRequest summary = Desk::request("<conversation>");
  summary.messages.insert(summary.messages.begin(),
                          {"system", "You are a context summarization assistant.", "", {}, ""});
  d.start(3, summary);
  d.tokens(3, "Short.", FinishReason::stop);
  d.settle();
  CHECK(d.answered.size() == 2);
  CHECK(d.journal.turns_in(TurnState::side).size() == 1);
}

TEST_CASE("half a reply is forgotten: nothing goes on from it") {
  Desk d;
  d.start(1, Desk::request("Hi", "gina"));
  d.tokens(1, "Half a ");
  d.desk.cancel(1);
  ChatRequest next = Desk::request("Hi", "gina");
  next.messages.push_back({"assistant", "Half a ", "", {}, ""});
  next.messages.push_back({"user", "Go on.", "", {}, ""});
  d.start(2, next);
  CHECK(d.linked.empty());
  CHECK(d.sessions.kept_turns() == 1);
}
