// frontend [STREAMS = 1000] [SECONDS = 20] [ABORTED = 10000] [ROUNDS = 3000]: see README.md

#include <dirent.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "echo_server.hpp"
#include "frontend/http_server.hpp"
#include "policy.hpp"
#include "streams.hpp"

using namespace clawrl;
using namespace clawrl::bench;

namespace {

/// What the server's process says of itself.
struct Report {
  int port = 0, echo_port = 0;
  double cpu_s = 0, policy_cpu_s = 0;
  long rss_kb = 0, descriptors = 0;
  std::int64_t connections = 0, active = 0, tokens = 0;
};

long descriptors() {
  DIR* folder = opendir("/proc/self/fd");
  long count = 0;
  while (folder && readdir(folder)) ++count;
  if (folder) closedir(folder);
  return count;
}

long resident_kb() {
  long pages = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

/// A byte on `commands` is answered with a Report; 't' gives free memory back to the system first. Ends with the pipe.
void serve(int commands, int reports) {
  ClockPolicy policy;
  HttpSettings settings;
  settings.max_connections = 8192;
  HttpServer server(settings, policy);
  EchoServer echo;
  for (char command; read(commands, &command, 1) == 1;) {
    if (command == 't') malloc_trim(0);
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + 1e-6 * t.tv_usec; };
    const Report report{
        server.port(),  echo.port(),   seconds(usage.ru_utime) + seconds(usage.ru_stime), policy.thread_s(),
        resident_kb(),  descriptors(), static_cast<std::int64_t>(server.connections()),   policy.active(),
        policy.tokens()};
    if (write(reports, &report, sizeof report) != sizeof report) break;
  }
}

class ServerProcess {
 public:
  ServerProcess() {
    int commands[2], reports[2];
    if (pipe(commands) != 0 || pipe(reports) != 0) throw std::runtime_error("no pipe");
    child_ = fork();
    if (child_ == 0) {
      close(commands[1]);
      close(reports[0]);
      serve(commands[0], reports[1]);
      _exit(0);
    }
    close(commands[0]);
    close(reports[1]);
    commands_ = commands[1];
    reports_ = reports[0];
  }
  ~ServerProcess() {
    close(commands_);
    waitpid(child_, nullptr, 0);
  }
  Report ask(char command = 's') {
    Report report;
    if (write(commands_, &command, 1) != 1 || read(reports_, &report, sizeof report) != sizeof report)
      throw std::runtime_error("the server's process is gone");
    return report;
  }
  /// Once no connection is open any more.
  Report ask_at_rest() {
    for (int i = 0; i < 3000 && ask().connections > 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return ask('t');
  }

 private:
  pid_t child_ = 0;
  int commands_ = -1, reports_ = -1;
};

double percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<std::size_t>(share * static_cast<double>(values.size())))];
}

bool measure_streams(ServerProcess& server, int count, int seconds) {
  constexpr double every_ms = 50;
  const Report before = server.ask();
  const StreamsResult result = run_streams(before.port, count, static_cast<int>(1000 * seconds / every_ms), every_ms);
  const Report after = server.ask();
  const auto tokens = static_cast<double>(after.tokens - before.tokens);
  const double cpu = after.cpu_s - before.cpu_s, policy = after.policy_cpu_s - before.policy_cpu_s;
  std::printf("streams,%d,complete,%d,tokens_per_s,%.0f,overhead_ms_p50,%.3f,p99,%.3f,max,%.3f\n", result.opened,
              result.complete, tokens / result.seconds, percentile(result.overhead_ms, 0.5),
              percentile(result.overhead_ms, 0.99), percentile(result.overhead_ms, 1));
  std::printf("cpu_ms_per_1000_tokens,%.2f,of_it_in_the_policy_thread,%.2f,share_of_a_core,%.2f,rss_mb,%.1f\n",
              1e6 * cpu / tokens, 1e6 * policy / tokens, cpu / result.seconds,
              static_cast<double>(after.rss_kb) / 1024);
  return result.complete == count;
}

void measure_first_bytes(ServerProcess& server, int rounds) {
  const Report report = server.ask();
  const std::string chat = chat_request("1 0"), health = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
  const auto times = first_bytes({report.echo_port, report.port, report.port}, {chat, health, chat},
                                 {"1 0", "\"ok\"", "[DONE]\n\n\r\n0\r\n\r\n"}, rounds);
  const char* const names[] = {"beast_echo", "health", "chat_stream"};
  for (std::size_t i = 0; i < times.size(); ++i)
    std::printf("first_byte_ms,%s,p50,%.3f,p99,%.3f\n", names[i], percentile(times[i], 0.5),
                percentile(times[i], 0.99));
}

bool measure_aborts(ServerProcess& server, int count) {
  abort_streams(server.ask().port, std::min(count, 500), 100);  // what is made once
  const Report before = server.ask_at_rest();
  const int begun = abort_streams(before.port, count, 100);
  const Report after = server.ask_at_rest();
  std::printf("aborted,%d,begun,%d,rss_mb_before,%.1f,after,%.1f,descriptors_before,%ld,after,%ld,active,%lld\n", count,
              begun, static_cast<double>(before.rss_kb) / 1024, static_cast<double>(after.rss_kb) / 1024,
              before.descriptors, after.descriptors, static_cast<long long>(after.active));
  return begun == count && after.active == 0 && after.connections == 0 && after.descriptors <= before.descriptors;
}

}  // namespace

int main(int argc, char** argv) {
  const auto argument = [&](int index, int otherwise) { return argc > index ? std::atoi(argv[index]) : otherwise; };
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  ServerProcess server;
  measure_first_bytes(server, argument(4, 3000));
  const bool streamed = measure_streams(server, argument(1, 1000), argument(2, 20));
  const bool aborted = measure_aborts(server, argument(3, 10'000));
  if (!streamed) std::puts("LOST: not every stream was complete");
  if (!aborted) std::puts("LEFT: aborted streams left something behind");
  return streamed && aborted ? 0 : 1;
}
