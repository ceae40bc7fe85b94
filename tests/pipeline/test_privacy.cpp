// A running job and what it keeps: nothing private in log, metrics and journal; sessions that opted out; a user shown
// and erased while the job learns, then a restart.

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "frontend/openai_client.hpp"
#include "frontend/raw_client.hpp"
#include "pipeline/job_process.hpp"
#include "pipeline/run_record.hpp"
#include "pipeline/workspace.hpp"
#include "support/catch.hpp"

namespace clawrl::test {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

// Words of every text that a client sends or gets in this test, and nowhere else in the program.
const std::string kept = "wombat", hidden = "quokka", address = "numbat@stone.org";

std::string bytes_of(const std::filesystem::path& path) {
  if (std::filesystem::is_directory(path)) {
    std::string all;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path))
      if (entry.is_regular_file()) all += bytes_of(entry.path());
    return all;
  }
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Conversation {
  Conversation(const ServerUrl& server, std::string session, std::string user = "")
      : client(server, 60s), user_field(user.empty() ? "" : R"(,"user":")" + user + "\"") {
    options.model = "clawrl-demo";
    options.session = std::move(session);
    options.turn_type = TurnType::main;
    options.max_tokens = 24;
    options.stream = false;
  }
  void say(const std::string& text, const std::string& learning = "") {
    options.headers.clear();
    if (!learning.empty()) options.headers.emplace_back("X-Learning", learning);
    options.fields = "{" + (user_field.empty() ? std::string() : user_field.substr(1)) + "}";
    messages.push_back({"user", text, "", {}, ""});
    const ChatReply reply = client.chat(messages, options);
    INFO(reply.error.message);
    REQUIRE(reply.ok());
    messages.push_back({"assistant", reply.text, reply.reasoning, {}, ""});
  }
  OpenAiClient client;
  std::string user_field;
  ChatOptions options;
  std::vector<Message> messages;
};

Json post(const ServerUrl& server, const std::string& path, const std::string& body, int status = 200) {
  RawClient client(server.port);
  REQUIRE(client.send(http_post(body, "Connection: close\r\n", path)));
  client.read_to_end();
  INFO(client.received);
  REQUIRE(status_of(client.received) == status);
  return Json::parse(client.received.substr(client.received.find("\r\n\r\n") + 4));
}

void hold_conversations(const ServerUrl& server) {
  for (int i = 0; i < 4; ++i) {
    Conversation mia(server, "mia-" + std::to_string(i), "mia");
    mia.say("Mia Stone has 3 red apples and buys 4 more for her " + kept + ". How many red apples does Mia have now?");
    mia.say("please skip the bold text");  // words that the demo's judge understands
    mia.options.session_done = true;
    mia.say("thanks, that is exactly what I needed");
  }
  Conversation off(server, "off");
  off.say("A " + hidden + " has 3 apples.", "off; scope=session");
  off.say("The " + hidden + " asks again.");
  Conversation personal(server, "personal");
  personal.say("Write to " + address);
  personal.say("And once more to " + address);
}

void check_kept(const JournalReader& journal) {
  REQUIRE(journal.turns_of("off").empty());
  const auto personal = journal.turns_of("personal");
  REQUIRE(personal.size() == 2);
  for (const TurnId id : personal) {
    const Turn turn = journal.turn(id).value();
    REQUIRE(turn.exclusion == "redacted");
    REQUIRE(turn.messages.back().text.find("[redacted:email]") != std::string::npos);
    REQUIRE(turn.completion.ids.empty());
  }
  REQUIRE(journal.turn(personal[0])->next_state.size() == 1);
  REQUIRE(journal.turns_of("mia-0").size() == 3);
}

}  // namespace

TEST_CASE("what a job keeps of its users") {
  Workspace workspace("privacy");
  const std::string out = workspace.path("run");
  JobSettings settings{.ranks = 1, .out = out, .arguments = {"--checkpoint.every_steps=0"}};
  Json erased;
  {
    JobProcess job(settings);
    const ServerUrl server = job.wait_until_serving();
    hold_conversations(server);
    REQUIRE(job.wait_for("step 1 "));
    check_kept(JournalReader(journal_of(out)));

    const Json data = post(server, "/v1/user_data/export", R"({"user":"mia"})");
    REQUIRE(data["turns"].size() == 12);
    REQUIRE(data["turns"][0]["messages"][0]["content"].get<std::string>().find(kept) != std::string::npos);
    REQUIRE(bytes_of(out).find(kept) != std::string::npos);

    erased = post(server, "/v1/user_data/erase", R"({"user":"mia"})");
    REQUIRE(erased["turns"] == 12);
    REQUIRE(erased["overwritten"] == true);
    REQUIRE_FALSE(erased["trained"].empty());
    REQUIRE(bytes_of(out).find(kept) == std::string::npos);
    REQUIRE(post(server, "/v1/user_data/erase", R"({"user":"mia"})")["turns"] == 0);
    REQUIRE(post(server, "/v1/user_data/export", R"({"user":"mia"})")["turns"].empty());
    REQUIRE(post(server, "/v1/user_data/erase", "{}", 400)["error"]["param"] == "user");
    job.kill_all_ranks();  // no checkpoint: the restart has to take the erased step again
    job.wait();
  }
  settings.arguments.push_back("--run.resume");
  {
    JobProcess job(settings);
    const ServerUrl server = job.wait_until_serving();
    Conversation off(server, "off");
    off.say("The " + hidden + " is still private.");  // the rule of the session is remembered
    Conversation(server, "later").say("Hello");
    job.stop();
    REQUIRE(job.wait() == 0);
    const JournalReader journal(journal_of(out));
    REQUIRE(journal.turns_of("off").empty());
    REQUIRE(journal.turns_of("later").size() == 1);
  }
  const std::string everything = bytes_of(out) + bytes_of(out + ".log");
  for (const std::string& word : {kept, hidden, address}) {
    INFO(word);
    REQUIRE(everything.find(word) == std::string::npos);  // log, metrics, journal, checkpoints
  }
  workspace.done();
}

}  // namespace clawrl::test
