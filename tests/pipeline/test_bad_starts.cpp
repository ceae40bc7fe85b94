// What a user can get wrong at the start: the job ends within seconds, says what and where, and leaves nobody behind.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "journal/journal.hpp"
#include "pipeline/job_process.hpp"
#include "pipeline/run_record.hpp"
#include "pipeline/workspace.hpp"
#include "support/catch.hpp"

namespace clawrl::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// A port that somebody else listens on.
class TakenPort {
 public:
  TakenPort() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(bind(socket_, reinterpret_cast<const sockaddr*>(&address), size) == 0);
    REQUIRE(listen(socket_, 1) == 0);
    REQUIRE(getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
  }
  ~TakenPort() { close(socket_); }
  std::string text() const { return std::to_string(port_); }

 private:
  int socket_, port_ = 0;
};

std::string copied_policy(const std::string& to) {
  fs::copy(CLAWRL_SOURCE_DIR "/configs/models/policy", to, fs::copy_options::recursive);
  return to;
}

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void replace_in(const std::string& path, const std::string& from, const std::string& to) {
  std::string text = text_of(path);
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  std::ofstream(path) << text.replace(at, from.size(), to);
}

void save_a_turn(const std::string& path) {
  Journal journal(path);
  Turn turn;
  turn.id = journal.next_turn_id();
  turn.state = TurnState::answered;
  journal.save_turn(turn);
}

/// Starts, expects the end, and that one of the job's own lines holds every one of `named`.
void check_refused(const std::string& name, const JobSettings& settings, const std::vector<std::string>& named) {
  JobProcess job(settings);
  const int code = job.wait(30s);
  INFO(name << "\n" << job.log());
  REQUIRE(code != 0);
  REQUIRE(code < 128);
  REQUIRE(job.ranks().empty());
  std::istringstream lines(job.log());
  bool said = false;
  for (std::string line; std::getline(lines, line);) {
    bool all = line.find("clawrl: rank") != std::string::npos || line.find("online_rl: ") != std::string::npos;
    for (const std::string& word : named) all = all && line.find(word) != std::string::npos;
    said = said || all;
  }
  REQUIRE(said);
}

}  // namespace

TEST_CASE("model folders that cannot be loaded") {
  Workspace workspace("bad_models");
  const std::string absent = workspace.path("absent"), cut = copied_policy(workspace.path("cut")),
                    shape = copied_policy(workspace.path("shape"));
  fs::resize_file(cut + "/model.safetensors", 1'000'000);
  replace_in(shape + "/config.json", "\"intermediate_size\": 384", "\"intermediate_size\": 96");
  check_refused("absent", {.out = workspace.path("a"), .arguments = {"--model.policy=" + absent}}, {absent});
  check_refused("cut", {.out = workspace.path("b"), .arguments = {"--model.policy=" + cut}},
                {cut, "model.safetensors"});
  check_refused("shape", {.out = workspace.path("c"), .arguments = {"--model.policy=" + shape}},
                {shape, "gate_proj", "[384, 128]", "[96, 128]"});
  for (const char* which : {"policy", "prm"}) {  // one id more than the embedding has rows
    const std::string large = copied_policy(workspace.path(std::string("large_") + which));
    replace_in(large + "/tokenizer.json", "\"added_tokens\": [",
               R"("added_tokens": [{"id": 3072, "content": "<|more|>", "special": true},)");
    check_refused(large,
                  {.out = workspace.path(std::string("e_") + which),
                   .arguments = {std::string("--model.") + which + "=" + large}},
                  {large, "ids up to 3072", "vocab_size is 3072"});
  }
  check_refused("judge", {.out = workspace.path("d"), .arguments = {"--model.prm=" + absent}}, {absent});
  workspace.done();
}

TEST_CASE("settings that do not fit") {
  Workspace workspace("bad_settings");
  check_refused("layout",
                {.ranks = 8,
                 .out = workspace.path("a"),
                 .arguments = {"--roles.trainers=2", "--roles.rollouts=1", "--roles.prms=1"}},
                {"8 ranks", "2 trainers"});
  check_refused("unknown", {.ranks = 1, .out = workspace.path("b"), .arguments = {"--trainer.lerning_rate=1"}},
                {"trainer.lerning_rate", "trainer.learning_rate"});
  check_refused("value", {.ranks = 1, .out = workspace.path("c"), .arguments = {"--http.port=70000"}}, {"http.port"});
  check_refused("loss", {.ranks = 1, .out = workspace.path("d"), .arguments = {"--trainer.loss=polcy"}},
                {"trainer.loss", "polcy", "policy"});
  check_refused("method", {.ranks = 1, .out = workspace.path("d"), .arguments = {"--samples.method=magic"}},
                {"samples.method", "combined_topk"});
  const std::string judged = workspace.path("judged.jsonl");
  std::ofstream(judged) << R"({"id":"a","set":"judge","task":"2 and 3?","reply":"6","next":"Wrong.","verdict":-1})";
  check_refused(
      "nothing to audit",
      {.ranks = 1, .out = workspace.path("f"), .arguments = {"--audit.every_versions=1", "--audit.heldout=" + judged}},
      {judged, "judged turns only", "prm.evaluator = self"});
  const TakenPort taken;
  for (const char* name : {"port", "the same again: a start that failed does not count as a run"})
    check_refused(name, {.ranks = 1, .out = workspace.path("e"), .arguments = {"--http.port=" + taken.text()}},
                  {taken.text()});
  workspace.done();
}

TEST_CASE("folders and files that cannot be used") {
  Workspace workspace("bad_folders");
  const std::string file = workspace.path("file"), used = workspace.path("used"),
                    absent = workspace.path("absent.sqlite");
  std::ofstream(file) << "a file\n";
  check_refused("under a file", {.ranks = 1, .out = file + "/run", .arguments = {}, .log = file + ".log"}, {file});
  fs::create_directories(used);
  save_a_turn(journal_of(used));
  std::ofstream(used + "/resolved.ini") << "the other run's\n";
  check_refused("another run's", {.ranks = 3, .out = used, .arguments = {}}, {used, "--resume", "--out"});
  REQUIRE(text_of(used + "/resolved.ini") == "the other run's\n");
  check_refused("replay", {.ranks = 1, .out = workspace.path("a"), .arguments = {"--run.replay=" + absent}}, {absent});
  std::ofstream(journal_of(used)) << "not a journal";
  check_refused("damaged journal", {.ranks = 1, .out = used, .arguments = {"--run.resume"}}, {journal_of(used)});
  workspace.done();
}

}  // namespace clawrl::test
