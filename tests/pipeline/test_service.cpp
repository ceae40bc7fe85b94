// One running job under friendly, impatient and faulty clients while it learns: streams over weight commits, a client
// that hangs up, requests that must be refused.

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include "frontend/openai_client.hpp"
#include "frontend/raw_client.hpp"
#include "pipeline/job_process.hpp"
#include "pipeline/run_record.hpp"
#include "pipeline/workspace.hpp"
#include "support/catch.hpp"

namespace clawrl::test {
namespace {

using namespace std::chrono_literals;

constexpr int students_at_once = 2, streams_at_once = 6, context = 1024;

Message said(const char* role, std::string text) {
  Message message;
  message.role = role;
  message.text = std::move(text);
  return message;
}

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

struct Stream {
  std::string session;
  double began = 0, ended = 0;  // Unix seconds
  ChatReply reply;
};

/// Long replies one after another, until `over`. The highest temperature makes an early end unlikely.
void stream_until(const ServerUrl& server, int number, const std::atomic<bool>& over, std::mutex& mutex,
                  std::vector<Stream>& streams) {
  OpenAiClient client(server, 60s);
  ChatOptions options;
  options.model = "clawrl-demo";
  options.turn_type = TurnType::main;
  options.temperature = 2.0;
  options.max_tokens = 250;
  for (int k = 0; !over; ++k) {
    Stream stream;
    stream.session = options.session = "stream-" + std::to_string(number) + "-" + std::to_string(k);
    stream.began = now();
    stream.reply = client.chat({said("user", "Tell me all that you know of numbers.")}, options);
    stream.ended = now();
    const std::lock_guard lock(mutex);
    streams.push_back(std::move(stream));
  }
}

std::vector<Stream> stream_while_learning(JobProcess& job, const ServerUrl& server) {
  std::vector<Stream> streams;
  std::mutex mutex;
  std::atomic<bool> over = false;
  std::vector<std::thread> clients;
  for (int i = 0; i < streams_at_once; ++i)
    clients.emplace_back([&, i] { stream_until(server, i, over, mutex, streams); });
  demo::UserSettings users;
  users.server = server;
  users.users = students_at_once;
  users.think_s = 0;
  users.habits.silent = 0;
  users.max_tokens = 48;
  bool learned = false;
  for (int first = 0; first < 100 && !learned; first += 4) {
    demo::hold_sessions(users, first, 4, [](const demo::ReplyRecord&) {});
    learned = job.wait_for("step 4 ", 0s);
  }
  over = true;
  for (std::thread& client : clients) client.join();
  REQUIRE(learned);
  return streams;
}

/// Replies during which a newer version than theirs was announced; also checks each one.
int streams_over_a_commit(const JournalReader& journal, const std::vector<Stream>& streams) {
  const auto versions = journal.versions();
  int over_a_commit = 0;
  for (const Stream& stream : streams) {
    INFO(stream.session << ": " << stream.reply.error.message);
    REQUIRE(stream.reply.ok());  // [DONE] has come
    const auto turns = journal.turns_of(stream.session);
    REQUIRE(turns.size() == 1);
    const Turn turn = journal.turn(turns[0]).value();
    REQUIRE(turn.reply == stream.reply.text);
    over_a_commit += std::any_of(versions.begin(), versions.end(), [&](const VersionRecord& record) {
      return record.version.number > turn.completion.versions.at(0) && record.announced_s > stream.began &&
             record.announced_s < stream.ended;
    });
  }
  return over_a_commit;
}

std::string body_of(const std::string& messages, const std::string& more = "") {
  return R"({"model":"clawrl-demo","messages":)" + messages + more + "}";
}

/// Reads the beginning of a long stream and goes; then goes on with the session as if nothing had happened.
void hang_up_in_the_middle(const ServerUrl& server) {
  const std::string question = "Tell me all that you know of numbers.";
  RawClient client(server.port);
  REQUIRE(client.send(http_post(body_of(R"([{"role":"user","content":")" + question + R"("}])",
                                        R"(,"stream":true,"temperature":2,"max_tokens":900)"),
                                "X-Session-Id: gone\r\nX-Turn-Type: main\r\n")));
  REQUIRE(client.read_until("\"content\":"));
  client.hang_up();
  ChatOptions options;
  options.model = "clawrl-demo";
  options.session = "gone";
  options.turn_type = TurnType::main;
  options.session_done = true;
  options.max_tokens = 16;
  const std::vector<Message> more = {said("user", question), said("assistant", "Numbers"),
                                     said("user", "No! Use plain words.")};
  REQUIRE(OpenAiClient(server, 60s).chat(more, options).ok());
}

struct BadRequest {
  std::string name, body;
  int status;
  std::string named;
};

void refuse_bad_requests(const ServerUrl& server) {
  const std::string hello = R"([{"role":"user","content":"Hello"}])";
  const std::vector<BadRequest> table = {
      {"malformed JSON", R"({"model":)", 400, "invalid_request_error"},
      {"nothing", "", 400, "invalid_request_error"},
      {"unknown model", R"({"model":"gpt-0","messages":)" + hello + "}", 404, "model_not_found"},
      {"no messages", R"({"model":"clawrl-demo"})", 400, "messages"},
      {"unknown role", body_of(R"([{"role":"king","content":"Hello"}])"), 400, "king"},
      {"long prompt", body_of(R"([{"role":"user","content":")" + std::string(20'000, '7') + R"("}])"), 400,
       "context_length_exceeded"},
      {"huge body", body_of(R"([{"role":"user","content":")" + std::string(2'000'000, '7') + R"("}])"), 413, ""},
      {"temperature", body_of(hello, R"(,"temperature":-1)"), 400, "temperature"},
      {"tiny temperature", body_of(hello, R"(,"temperature":1e-30)"), 400, "1e-6"},
      {"infinite temperature", body_of(hello, R"(,"temperature":1e999)"), 400, ""},
      {"top_p", body_of(hello, R"(,"top_p":0)"), 400, "top_p"},
      {"max_tokens", body_of(hello, R"(,"max_tokens":0)"), 400, "max_tokens"},
      {"n", body_of(hello, R"(,"n":17)"), 400, "n must be"},
  };
  for (const BadRequest& bad : table) {
    RawClient client(server.port);
    client.send(http_post(bad.body, "Connection: close\r\n"));
    client.read_to_end();
    INFO(bad.name << ": " << client.received.substr(0, 600));
    REQUIRE(status_of(client.received) == bad.status);
    REQUIRE(client.received.find(bad.named) != std::string::npos);
  }
}

/// Extreme and allowed: gets a reply like any other.
void serve_extreme_requests(const ServerUrl& server) {
  const std::string hello = R"([{"role":"user","content":"Hello"}])";
  for (const char* more : {R"(,"top_p":1e-30)", R"(,"top_k":2000000000,"temperature":2)",
                           R"(,"temperature":0,"max_tokens":2000000000)", R"(,"seed":18446744073709551615)"}) {
    RawClient client(server.port);
    client.send(http_post(body_of(hello, more), "Connection: close\r\nX-Turn-Type: main\r\n"));
    client.read_to_end();
    INFO(more << ": " << client.received.substr(0, 600));
    REQUIRE(status_of(client.received) == 200);
  }
}

void check_gone(const JournalReader& journal) {
  const auto turns = journal.turns_of("gone");
  REQUIRE(turns.size() == 2);
  const Turn gone = journal.turn(turns[0]).value();
  REQUIRE(gone.state == TurnState::aborted);
  REQUIRE(gone.completion.finish == FinishReason::cancelled);
  REQUIRE(gone.completion.ids.size() < 900);
  REQUIRE(gone.next_state.empty());
  REQUIRE_FALSE(journal.newest_verdict(gone.id));
  for (const StepRecord& step : journal.steps(1, INT64_MAX))
    for (const SampleUse& use : step.samples) REQUIRE(use.id.turn != gone.id);
}

}  // namespace

TEST_CASE("clients of every kind while the weights change") {
  Workspace workspace("service");
  const std::string out = workspace.path("run");
  JobProcess job(
      {.out = out, .arguments = {"--rollout.max_context=" + std::to_string(context), "--http.max_body_mb=1"}});
  const ServerUrl server = job.wait_until_serving();
  const JournalReader journal(journal_of(out));

  const std::vector<Stream> streams = stream_while_learning(job, server);
  hang_up_in_the_middle(server);
  refuse_bad_requests(server);
  serve_extreme_requests(server);
  std::this_thread::sleep_for(1s);  // the figures are renewed twice a second
  const std::string status = OpenAiClient(server).get("/status").body;
  job.stop();
  REQUIRE(job.wait() == 0);

  INFO(status);
  for (const char* lost : {"refused", "cut"}) REQUIRE(status_number(status, lost) == 0);
  REQUIRE(status_number(status, "hung_up") == 1);
  REQUIRE(status_number(status, "invalid") == 3);  // those that only the head can judge
  REQUIRE(streams_over_a_commit(journal, streams) > 0);
  check_gone(journal);
  for (const auto& problems : {turn_problems(journal), step_problems(journal)}) {
    INFO(joined(problems));
    REQUIRE(problems.empty());
  }
  workspace.done();
}

}  // namespace clawrl::test
