// mpirun --with-ft ulfm -n 4: rank 2 kills itself, the others are told once and go on. Not Catch2: mpirun's exit code
// tells of the dead rank, so rank 0 prints the verdict.
#include <atomic>
#include <chrono>
#include <csignal>
#include <iostream>
#include <numeric>
#include <thread>

#include "comm/communicator.hpp"
#include "comm/mailbox.hpp"
#include "comm/mpi_collectives.hpp"
#include "comm/mpi_environment.hpp"
#include "comm/mpi_error.hpp"
#include "core/error.hpp"

using namespace clawrl;
using namespace std::chrono_literals;

namespace {

constexpr int victim = 2;

std::unique_ptr<Collectives> all_ranks(int size) {
  std::vector<int> ranks(static_cast<std::size_t>(size));
  std::iota(ranks.begin(), ranks.end(), 0);
  return make_mpi_collectives(ranks);
}

/// A sum that includes the dead rank must end with RankLostError, not with a hang.
void expect_collective_fails(Collectives& group) {
  try {
    std::vector<float> values(100'000, 1.0F);
    for (int i = 0; i < 100; ++i) group.sum(values);
  } catch (const RankLostError&) {
    return;
  }
  throw InternalError("a sum with a dead rank succeeded");
}

void survive(Mailbox& box, Collectives& group) {
  std::atomic<int> lost{0};
  box.on_rank_lost([&lost](int rank) { lost += rank == victim ? 1 : 100; });
  box.post(victim, Port::weights, 1, {}, Buffer(20'000'000, std::byte{1}));  // cut off in the middle
  for (int tries = 0; lost == 0 && tries < 10'000; ++tries) std::this_thread::sleep_for(1ms);
  expect_collective_fails(group);
  for (int i = 0; i < 5; ++i) box.post(victim, Port::weights, 1, {}, Buffer(1000, std::byte{2}));
  require(box.flush(5s), "sends to the dead rank were not dropped");
  require(lost == 1, "on_rank_lost was called " + std::to_string(lost) + " times");
  require(box.statistics().messages_dropped == 6, "dropped " + std::to_string(box.statistics().messages_dropped));
  for (int peer = 0; peer < box.size(); ++peer) {  // the living still reach each other, with payloads
    if (peer != victim && peer != box.rank()) box.post(peer, Port::head, 2, {}, Buffer(5'000'000, std::byte{3}));
  }
  for (int i = 0; i < box.size() - 2; ++i) {
    const auto envelope = box.receive(Port::head, 10s);
    require(envelope && envelope->payload == Buffer(5'000'000, std::byte{3}), "a survivor's message is missing");
  }
}

int run(MpiEnvironment& mpi) {
  if (!mpi.ulfm_active()) {
    if (mpi.rank() == 0) std::cout << "SKIPPED: " << mpi.describe() << std::endl;
    return 77;
  }
  auto box = make_mailbox(Communicator::borrow_world());
  const auto group = all_ranks(mpi.size());
  group->barrier();
  if (mpi.rank() == victim) {
    std::this_thread::sleep_for(20ms);
    std::raise(SIGKILL);
  }
  survive(*box, *group);
  if (mpi.rank() != 0) {
    box->post(0, Port::control, 3, {});
    box.reset();
    return 0;
  }
  int reports = 1;
  while (reports < mpi.size() - 1 && box->receive(Port::control, 10s)) ++reports;
  box.reset();
  std::cout << "all " << reports << " survivors went on without rank " << victim << " (" << mpi.describe() << ")"
            << std::endl;
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  MpiEnvironment mpi(argc, argv);
  return mpi.guard("test", [&] { return run(mpi); });
}
