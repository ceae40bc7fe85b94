#include "comm/node_memory.hpp"

#include <mpi.h>

#include <cstring>
#include <fstream>
#include <numeric>
#include <string>

#include "core/error.hpp"
#include "support/catch.hpp"

using namespace clawrl;

namespace {

void count_up(std::span<std::byte> bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 31 % 251);
}

bool counted_up(std::span<const std::byte> bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i)
    if (bytes[i] != static_cast<std::byte>(i * 31 % 251)) return false;
  return true;
}

/// Permissions and inode of the mapping that holds `address`: "r--s 4711".
std::string mapping_of(const void* address) {
  std::ifstream maps("/proc/self/maps");
  for (std::string range, mode, offset, device, inode, rest; maps >> range >> mode >> offset >> device >> inode;) {
    std::getline(maps, rest);
    const auto begin = std::stoull(range, nullptr, 16),
               end = std::stoull(range.substr(range.find('-') + 1), nullptr, 16);
    const auto wanted = reinterpret_cast<std::uintptr_t>(address);
    if (wanted >= begin && wanted < end) return mode + " " + inode;
  }
  return "";
}

}  // namespace

TEST_CASE("one rank of a node fills, all read the same memory, nobody can write") {
  const auto world = Communicator::borrow_world();
  int fills = 0, all_fills = 0;
  const std::size_t size = 3 * 1024 * 1024 + 5;
  const auto memory = make_node_memory(world, true, size, [&](std::span<std::byte> bytes) {
    ++fills;
    count_up(bytes);
  });
  CHECK(memory->bytes().size() == size);
  CHECK(counted_up(memory->bytes()));
  MPI_Allreduce(&fills, &all_fills, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  CHECK(all_fills == 1);  // all test ranks run on one machine
  CHECK(memory->shared() == (world.size() > 1));
  const auto mapping = mapping_of(memory->bytes().data());
  CHECK(mapping.substr(0, 4) == (memory->shared() ? "r--s" : "r--p"));
  unsigned long long inode = std::stoull(mapping.substr(5)), least = 0, most = 0;
  MPI_Allreduce(&inode, &least, 1, MPI_UNSIGNED_LONG_LONG, MPI_MIN, MPI_COMM_WORLD);
  MPI_Allreduce(&inode, &most, 1, MPI_UNSIGNED_LONG_LONG, MPI_MAX, MPI_COMM_WORLD);
  CHECK(least == most);
}

TEST_CASE("ranks that do not want it get nothing, two memories differ") {
  const auto world = Communicator::borrow_world();
  const bool odd = world.rank() % 2 == 1;
  const auto first = make_node_memory(world, odd, 100, count_up);
  CHECK((first != nullptr) == odd);
  const auto second = make_node_memory(world, true, 100, [](std::span<std::byte> bytes) { bytes[99] = std::byte{7}; });
  if (first) CHECK(counted_up(first->bytes()));
  CHECK(second->bytes()[0] == std::byte{0});
  CHECK(second->bytes()[99] == std::byte{7});
}

TEST_CASE("what the filler throws reaches every rank") {
  const auto world = Communicator::borrow_world();
  const auto refuse = [](std::span<std::byte>) { throw UserError("model.safetensors: is truncated"); };
  CHECK_THROWS_WITH(make_node_memory(world, true, 64, refuse), Catch::Contains("model.safetensors: is truncated"));
  CHECK(counted_up(make_node_memory(world, true, 64, count_up)->bytes()));  // and the next one works
}

TEST_CASE("private memory is filled and read-only") {
  const auto memory = make_private_memory(10'000, count_up);
  CHECK(counted_up(memory->bytes()));
  CHECK(mapping_of(memory->bytes().data()).substr(0, 4) == "r--p");
  CHECK_THROWS_AS(make_private_memory(std::size_t{1} << 60, count_up), UserError);
}
