// Several replies to one request at the request desk.

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
