// The same cases on the local and the MPI backend.
#include <mpi.h>

#include <chrono>
#include <cstring>
#include <functional>
#include <numeric>
#include <thread>

#include "comm/communicator.hpp"
#include "comm/mpi_collectives.hpp"
#include "comm/nccl/nccl_collectives.hpp"
#include "core/error.hpp"
#include "support/catch.hpp"

using namespace clawrl;

namespace {

std::vector<int> world_ranks() {
  std::vector<int> ranks(static_cast<std::size_t>(Communicator::borrow_world().size()));
  std::iota(ranks.begin(), ranks.end(), 0);
  return ranks;
}

void on_every_backend(const std::function<void(Collectives&)>& body) {
  body(*make_local_collectives());
  body(*make_mpi_collectives(world_ranks()));
  CollectiveSettings small;
  small.segment_bytes = 1000;  // many segments, the last one short
  body(*make_mpi_collectives(world_ranks(), small));
}

/// Values whose sum depends on the order of addition.
template <class T>
std::vector<T> values_of(int rank, std::size_t count) {
  std::vector<T> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto mixed = (i * 2654435761ULL + static_cast<unsigned>(rank) * 40503ULL) % 10007ULL;
    values[i] = (static_cast<T>(mixed) - T(5000)) * (rank % 2 == 0 ? T(1e-3) : T(1234.567));
  }
  return values;
}

template <class T>
void check_sum(Collectives& group) {
  for (std::size_t count : {0, 1, 2, 3, 5, 1000, 40001}) {
    std::vector<T> values = values_of<T>(group.rank(), count);
    std::vector<T> expected = values_of<T>(0, count);
    for (int r = 1; r < group.size(); ++r) {
      const std::vector<T> other = values_of<T>(r, count);
      for (std::size_t i = 0; i < count; ++i) expected[i] += other[i];
    }
    group.sum(std::span<T>(values));
    CHECK((count == 0 || std::memcmp(values.data(), expected.data(), count * sizeof(T)) == 0));
  }
}

}  // namespace

TEST_CASE("sum adds in rank order, bit for bit") {
  on_every_backend([](Collectives& group) {
    check_sum<float>(group);
    check_sum<double>(group);
  });
}

TEST_CASE("max") {
  on_every_backend([](Collectives& group) {
    std::vector<double> values = {double(group.rank()), -double(group.rank()), -1e300, 0.0};
    group.max(values);
    CHECK(values == std::vector<double>{double(group.size() - 1), 0.0, -1e300, 0.0});
  });
}

TEST_CASE("broadcast from every root") {
  on_every_backend([](Collectives& group) {
    for (int root = 0; root < group.size(); ++root) {
      for (std::size_t size : {0, 1, 4096, 3000001}) {
        std::vector<std::byte> bytes(size, std::byte(group.rank() == root ? 42 + root : 0));
        group.broadcast(bytes, root);
        CHECK(bytes == std::vector<std::byte>(size, std::byte(42 + root)));
      }
    }
    CHECK_THROWS_AS(group.broadcast({}, group.size()), InternalError);
  });
}

TEST_CASE("nobody leaves a barrier before everybody has entered it") {
  int* counter = nullptr;
  MPI_Win window = MPI_WIN_NULL;
  const bool owner = Communicator::borrow_world().rank() == 0;
  MPI_Win_allocate_shared(owner ? sizeof(int) : 0, sizeof(int), MPI_INFO_NULL, MPI_COMM_WORLD, &counter, &window);
  if (owner) *counter = 0;
  MPI_Barrier(MPI_COMM_WORLD);
  MPI_Aint size = 0;
  int unit = 0;
  MPI_Win_shared_query(window, 0, &size, &unit, &counter);
  std::atomic_ref<int> entered(*counter);
  const auto group = make_mpi_collectives(world_ranks());
  for (int round = 1; round <= 5; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(3 * ((group->rank() + round) % group->size())));
    entered.fetch_add(1);
    group->barrier();
    CHECK(entered.load() >= round * group->size());
  }
  group->barrier();
  MPI_Win_free(&window);
}

TEST_CASE("groups of some ranks, in any order, at the same time") {
  const Communicator world = Communicator::borrow_world();
  std::vector<int> mine;  // even ranks, or odd ranks, from the last to the first
  for (int r = world.size() - 1; r >= 0; --r) {
    if (r % 2 == world.rank() % 2) mine.push_back(r);
  }
  const auto group = make_mpi_collectives(mine);
  CHECK(group->size() == static_cast<int>(mine.size()));
  CHECK(mine[static_cast<std::size_t>(group->rank())] == world.rank());
  std::vector<float> values = {float(world.rank())};
  group->sum(values);
  CHECK(values[0] == float(std::accumulate(mine.begin(), mine.end(), 0)));
}

TEST_CASE("wrong groups are refused") {
  const Communicator world = Communicator::borrow_world();
  CHECK_THROWS_AS(make_mpi_collectives({}), UserError);
  CHECK_THROWS_AS(make_mpi_collectives({world.rank(), world.rank()}), UserError);
  CHECK_THROWS_AS(make_mpi_collectives({world.size()}), UserError);
  if (world.size() > 1) CHECK_THROWS_AS(make_mpi_collectives({(world.rank() + 1) % world.size()}), UserError);
}

TEST_CASE("a call that the others do not join ends with its name") {
  const Communicator world = Communicator::borrow_world();
  if (world.size() == 1) return;
  CollectiveSettings settings;
  if (world.rank() == 0) settings.limit = std::chrono::seconds(0);
  const auto group = make_mpi_collectives(world_ranks(), settings);
  if (world.rank() == 0) CHECK_THROWS_WITH(group->barrier(), Catch::Contains("barrier: rank 0"));
  MPI_Barrier(MPI_COMM_WORLD);
  if (world.rank() != 0) group->barrier();
}

TEST_CASE("without NCCL the error says what was not built") {
  if (nccl_built()) return;
  CHECK_THROWS_WITH(make_nccl_collectives({0}, 0), Catch::Contains("not built"));
}
