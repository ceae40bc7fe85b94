#include "pipeline/job_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace clawrl::test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> command(const JobSettings& settings) {
  std::vector<std::string> words = {CLAWRL_MPIEXEC,
                                    "--oversubscribe",
                                    "--bind-to",
                                    "none",
                                    "-n",
                                    std::to_string(settings.ranks),
                                    CLAWRL_ONLINE_RL,
                                    "--config",
                                    settings.config,
                                    "--run.out=" + settings.out};
  words.insert(words.end(), settings.arguments.begin(), settings.arguments.end());
  return words;
}

/// In the child, after fork: only calls that are safe there.
[[noreturn]] void become(char* const* words, int log) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);  // mpirun ends its ranks when the test is killed
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  const int nothing = open("/dev/null", O_RDONLY);
  dup2(nothing, STDIN_FILENO);
  if (chdir(CLAWRL_SOURCE_DIR) == 0) execv(words[0], words);
  _exit(127);
}

/// `done` is asked every few milliseconds; the last answer counts.
template <class Condition>
bool poll(std::chrono::milliseconds limit, Condition done) {
  for (const auto end = Clock::now() + limit; Clock::now() < end;) {
    if (done()) return true;
    std::this_thread::sleep_for(2ms);
  }
  return done();
}

}  // namespace

JobProcess::JobProcess(const JobSettings& settings)
    : out_(settings.out), log_path_(settings.log.empty() ? settings.out + ".log" : settings.log) {
  log_begin_ = text_of(log_path_).size();
  for (const char* name : {"OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "PRTE_ALLOW_RUN_AS_ROOT",
                           "PRTE_ALLOW_RUN_AS_ROOT_CONFIRM"})
    setenv(name, "1", 1);
  std::vector<std::string> words = command(settings);
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const int log = open(log_path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (log < 0 || (pid_ = fork()) < 0) throw std::runtime_error("cannot start a job with the log " + log_path_);
  if (pid_ == 0) become(pointers.data(), log);
  close(log);
}

JobProcess::~JobProcess() {
  if (ended()) return;
  kill_all_ranks();
  if (!poll(10s, [&] { return ended(); })) kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

bool JobProcess::ended() {
  int status = 0;
  if (exit_code_ < 0 && waitpid(pid_, &status, WNOHANG) == pid_)
    exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return exit_code_ >= 0;
}

bool JobProcess::wait_for(const std::string& text, std::chrono::seconds limit) {
  bool found = false;
  poll(limit, [&] {
    const bool over = ended();  // asked first: what it wrote is in the log then
    found = log().find(text) != std::string::npos;
    return found || over;
  });
  return found;
}

ServerUrl JobProcess::wait_until_serving() {
  const std::string marker = "serving on ", end = "/v1 as";
  if (!wait_for(end)) throw std::runtime_error("the job does not serve: " + log_path_);
  const std::string text = log();
  const std::size_t begin = text.find(marker) + marker.size();
  return parse_server_url(text.substr(begin, text.find(end) + 3 - begin));
}

void JobProcess::stop() {
  if (!ended()) kill(pid_, SIGUSR1);
}

void JobProcess::terminate_ranks() {
  for (pid_t rank : ranks()) kill(rank, SIGTERM);
}

void JobProcess::kill_rank(int rank) {
  kill(ranks().at(static_cast<std::size_t>(rank)), SIGKILL);
}

void JobProcess::kill_all_ranks() {
  for (pid_t rank : ranks()) kill(rank, SIGKILL);
}

int JobProcess::wait(std::chrono::seconds limit) {
  if (!poll(limit, [&] { return ended(); })) throw std::runtime_error("the job did not end: " + log_path_);
  poll(2s, [&] { return ranks().empty(); });
  return exit_code_;
}

std::string JobProcess::log() const {
  const std::string text = text_of(log_path_);
  return text.substr(std::min(log_begin_, text.size()));
}

std::vector<pid_t> JobProcess::ranks() const {
  const std::string program = std::string(CLAWRL_ONLINE_RL) + '\0', argument = "--run.out=" + out_ + '\0';
  std::vector<pid_t> found;
  std::error_code gone;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", gone)) {
    const pid_t pid = std::atoi(entry.path().filename().c_str());
    if (pid <= 0) continue;
    const std::string words = text_of(entry.path() / "cmdline");  // empty for a zombie
    if (words.starts_with(program) && words.find(argument) != std::string::npos) found.push_back(pid);
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace clawrl::test
