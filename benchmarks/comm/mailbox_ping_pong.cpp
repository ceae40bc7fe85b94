// The mailbox beside plain MPI in the same run: see README.md for the questions.
#include <mpi.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>

#include "comm/communicator.hpp"
#include "comm/mailbox.hpp"
#include "comm/mpi_collectives.hpp"
#include "comm/mpi_environment.hpp"
#include "core/error.hpp"

using namespace clawrl;
using namespace std::chrono_literals;

namespace {

/// 48 bytes on the wire, like a control message or one streamed token.
struct Token {
  static constexpr std::uint16_t type_id = 1;
  std::uint64_t request = 0;
  std::int32_t id = 0;
  float logprob = 0;
  double sent_s = 0;
  std::vector<std::int32_t> more = {1, 2, 3, 4};
  template <class Archive>
  void serialize(Archive& archive) {
    archive(request, id, logprob, sent_s, more);
  }
};

double now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

Envelope next(Mailbox& box, Port port) {
  auto envelope = box.receive(port, 120s);
  require(envelope.has_value(), std::string("no message on port ") + name(port) + " for 120 s");
  return std::move(*envelope);
}

// -- ranks 0 and 1; seconds one way

double plain_round(int rank, char* bytes, int size, int turns) {
  const double start = now_s();
  for (int i = 0; i < turns; ++i) {
    if (rank == 0) MPI_Send(bytes, size, MPI_BYTE, 1, 0, MPI_COMM_WORLD);
    MPI_Recv(bytes, size, MPI_BYTE, 1 - rank, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    if (rank == 1) MPI_Send(bytes, size, MPI_BYTE, 0, 0, MPI_COMM_WORLD);
  }
  return (now_s() - start) / turns / 2;
}

double typed_round(Mailbox& box, int turns) {
  Token token;
  const double start = now_s();
  for (int i = 0; i < turns; ++i) {
    if (box.rank() == 0) box.send(1, Port::rollout, token);
    token = next(box, Port::rollout).open<Token>();
    if (box.rank() == 1) box.send(0, Port::rollout, token);
  }
  return (now_s() - start) / turns / 2;
}

double payload_round(Mailbox& box, std::size_t size, int turns) {
  Buffer payload(size, std::byte{1});
  const double start = now_s();
  for (int i = 0; i < turns; ++i) {
    if (box.rank() == 0) box.post(1, Port::weights, 2, {}, std::move(payload));
    payload = next(box, Port::weights).payload;
    if (box.rank() == 1) box.post(0, Port::weights, 2, {}, std::move(payload));
  }
  return (now_s() - start) / turns / 2;
}

void small_messages(Mailbox& box, int rounds) {
  std::vector<double> plain, typed;
  char bytes[80] = {};
  const int size = static_cast<int>(32 + pack(Token{}).size());  // what the mailbox puts on the wire
  for (int round = 0; round < rounds; ++round) {
    plain.push_back(plain_round(box.rank(), bytes, std::min(size, 80), 2000) * 1e6);
    typed.push_back(typed_round(box, 2000) * 1e6);
  }
  if (box.rank() == 0) {
    std::printf("small message one way     plain MPI %.2f us, mailbox typed %.2f us (best %.2f, worst %.2f of %d)\n",
                median(plain), median(typed), std::ranges::min(typed), std::ranges::max(typed), rounds);
  }
}

void bandwidth(Mailbox& box, int rounds) {
  for (const std::size_t size : {std::size_t{64} << 10, std::size_t{1} << 20, std::size_t{16} << 20}) {
    const int turns = static_cast<int>(std::clamp<std::size_t>((std::size_t{128} << 20) / size, 8, 500));
    std::vector<char> bytes(size, 1);
    const double gigabytes = static_cast<double>(size) / 1e9;
    std::vector<double> plain, ours, ratio;
    for (int round = 0; round < rounds; ++round) {
      plain.push_back(gigabytes / plain_round(box.rank(), bytes.data(), static_cast<int>(size), turns));
      ours.push_back(gigabytes / payload_round(box, size, turns));
      ratio.push_back(ours.back() / plain.back());
    }
    if (box.rank() == 0) {
      std::printf("payload of %6zu KiB       plain MPI %.2f GB/s, mailbox %.2f GB/s, ratio %.2f (median of %d)\n",
                  size >> 10, median(plain), median(ours), median(ratio), rounds);
    }
  }
}

/// Rank 0 sends after `idle` of silence; rank 1 waits in receive() meanwhile. Both clocks are the machine's.
void wake_up(Mailbox& box, std::chrono::milliseconds idle, int times) {
  std::vector<double> late;
  for (int i = 0; i < times; ++i) {
    if (box.rank() == 0) {
      std::this_thread::sleep_for(idle);
      Token token;
      token.sent_s = now_s();
      box.send(1, Port::control, token);
      late.push_back(next(box, Port::control).open<Token>().sent_s * 1e3);
    } else {
      Token token = next(box, Port::control).open<Token>();
      token.sent_s = now_s() - token.sent_s;
      box.send(0, Port::control, token);
    }
  }
  if (box.rank() == 0) {
    std::printf("wake-up after %6.1f s     median %.2f ms, worst %.2f ms (%d times)\n",
                static_cast<double>(idle.count()) / 1e3, median(late), std::ranges::max(late), times);
  }
}

// -- all ranks

double cpu_s() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) { return double(t.tv_sec) + double(t.tv_usec) / 1e6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// Every rank has three threads in receive() with the time-outs that role loops use.
void idle_cost(Mailbox& box, Collectives& group, std::chrono::seconds time) {
  group.barrier();
  std::this_thread::sleep_for(500ms);
  const double cpu = cpu_s(), start = now_s();
  std::vector<std::thread> consumers;
  for (Port port : {Port::head, Port::trainer, Port::prm}) {
    consumers.emplace_back([&box, port, time] {
      for (const double end = now_s() + static_cast<double>(time.count()); now_s() < end;) box.receive(port, 100ms);
    });
  }
  for (std::thread& consumer : consumers) consumer.join();
  const double percent = 100 * (cpu_s() - cpu) / (now_s() - start);
  std::vector<double> worst = {percent}, sum = {percent};
  group.max(worst);
  group.sum(sum);
  if (box.rank() == 0) {
    std::printf("idle for %lld s            %.2f %% of a core per rank (worst %.2f %%), %d ranks\n",
                static_cast<long long>(time.count()), sum[0] / box.size(), worst[0], box.size());
  }
}

int seconds_option(int argc, char** argv, const char* option, int value) {
  for (int i = 1; i + 1 < argc; ++i) {
    if (std::strcmp(argv[i], option) == 0) value = std::stoi(argv[i + 1]);
  }
  return value;
}

int run(const MpiEnvironment& mpi, int argc, char** argv) {
  require(mpi.size() >= 2,
          "start it on at least 2 ranks: mpirun -n 2 benchmark_comm [--idle 60] [--cpu 10] [--rounds 9]");
  const int idle = seconds_option(argc, argv, "--idle", 60);
  const int cpu = seconds_option(argc, argv, "--cpu", 10);
  const int rounds = std::max(1, seconds_option(argc, argv, "--rounds", 9));
  if (mpi.rank() == 0) {
    std::printf("%s, %d ranks, %u cores\n", mpi.describe().c_str(), mpi.size(), std::thread::hardware_concurrency());
  }
  const auto group = mpi.world_collectives();
  const auto box = make_mailbox(Communicator::borrow_world());
  if (mpi.rank() < 2) {
    typed_round(*box, 2000);
    small_messages(*box, rounds);
    bandwidth(*box, rounds);
    wake_up(*box, 1s, 10);
    if (idle > 0) wake_up(*box, std::chrono::seconds(idle), 1);
    for (int peer = 2; mpi.rank() == 0 && peer < mpi.size(); ++peer) box->send(peer, Port::control, Token{});
  } else {
    while (!box->receive(Port::control, 1s)) {
    }
  }
  if (cpu > 0) idle_cost(*box, *group, std::chrono::seconds(cpu));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  MpiEnvironment mpi(argc, argv);
  return mpi.guard("benchmark", [&] { return run(mpi, argc, argv); });
}
