#include "comm/node_memory.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>

#include "comm/mpi_support.hpp"
#include "comm/polite_wait.hpp"
#include "core/error.hpp"

namespace clawrl {
namespace {

/// What the filler tells the others.
struct Offer {
  std::int64_t process = 0, descriptor = -1;
  std::uint64_t device = 0, inode = 0, bytes = 0;  // by which the right memory is known again
  char error[1024] = {};                           // not empty: there is nothing to open
};

struct Descriptor {
  int number = -1;
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
};

struct NodeGroup {
  MPI_Comm comm = MPI_COMM_NULL;
  int rank = 0, size = 1;
  ~NodeGroup() {
    if (comm != MPI_COMM_NULL) MPI_Comm_free(&comm);
  }
};

std::string system_text(const char* what) {
  return std::string(what) + ": " + std::strerror(errno);
}

std::shared_ptr<const NodeMemory> map_for_reading(int file, std::size_t bytes) {
  void* mapping = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, file, 0);
  require(mapping != MAP_FAILED, system_text("memory shared by a node cannot be mapped"));
  return std::make_shared<const NodeMemory>(mapping, bytes, true);
}

void fill_file(int file, std::size_t bytes, const FillMemory& fill) {
  require(::ftruncate(file, static_cast<off_t>(bytes)) == 0, system_text("memory shared by a node"));
  void* mapping = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  require(mapping != MAP_FAILED, system_text("memory shared by a node cannot be mapped"));
  try {
    fill({static_cast<std::byte*>(mapping), bytes});
  } catch (...) {
    ::munmap(mapping, bytes);
    throw;
  }
  ::munmap(mapping, bytes);
  ::fcntl(file, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW);  // a kernel without seals: by promise only
}

std::string path_of(std::int64_t process, std::int64_t descriptor) {
  return "/proc/" + std::to_string(process) + "/fd/" + std::to_string(descriptor);
}

/// Makes and fills the memory; `file` must stay open until all others have opened it.
std::shared_ptr<const NodeMemory> offer_memory(Descriptor& file, std::size_t bytes, const FillMemory& fill,
                                               Offer& offer) {
  try {
    file.number = ::memfd_create("clawrl_weights", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    require(file.number >= 0, system_text("memory shared by a node cannot be made"));
    fill_file(file.number, bytes, fill);
    struct stat status {};
    require(::fstat(file.number, &status) == 0, system_text("memory shared by a node"));
    offer.process = ::getpid();
    offer.descriptor = file.number;
    offer.device = status.st_dev;
    offer.inode = status.st_ino;
    offer.bytes = bytes;
    const Descriptor reader{::open(path_of(::getpid(), file.number).c_str(), O_RDONLY | O_CLOEXEC)};
    return map_for_reading(reader.number >= 0 ? reader.number : file.number, bytes);
  } catch (const std::exception& error) {
    std::snprintf(offer.error, sizeof(offer.error), "%s", *error.what() ? error.what() : "unknown error");
    return nullptr;
  }
}

/// nullptr when the filler's memory cannot be reached, with the reason in `why`.
std::shared_ptr<const NodeMemory> open_memory(const Offer& offer, std::size_t bytes, std::string& why) {
  try {
    const auto path = path_of(offer.process, offer.descriptor);
    const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    require(file.number >= 0, system_text(path.c_str()));
    struct stat status {};
    const bool same = ::fstat(file.number, &status) == 0 && status.st_dev == offer.device &&
                      status.st_ino == offer.inode && static_cast<std::uint64_t>(status.st_size) == offer.bytes;
    require(same, path + ": is not that memory (are the ranks in different containers?)");
    expect(offer.bytes == bytes, "memory shared by a node: the ranks ask for different sizes");
    return map_for_reading(file.number, bytes);
  } catch (const UserError& error) {
    why = error.what();
    return nullptr;
  }
}

NodeGroup split_by_node(const Communicator& communicator, bool wanted) {
  NodeGroup group;
  mpi::check(MPI_Comm_split_type(mpi::raw(communicator), wanted ? MPI_COMM_TYPE_SHARED : MPI_UNDEFINED,
                                 communicator.rank(), MPI_INFO_NULL, &group.comm),
             "MPI_Comm_split_type");
  if (!wanted) return group;
  MPI_Comm_rank(group.comm, &group.rank);
  MPI_Comm_size(group.comm, &group.size);
  return group;
}

}  // namespace

NodeMemory::~NodeMemory() {
  ::munmap(mapping_, bytes_);
}

std::shared_ptr<const NodeMemory> make_private_memory(std::size_t bytes, const FillMemory& fill) {
  void* mapping = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  require(mapping != MAP_FAILED, system_text(("memory of " + std::to_string(bytes) + " bytes").c_str()));
  auto memory = std::make_shared<const NodeMemory>(mapping, bytes, false);
  fill({static_cast<std::byte*>(mapping), bytes});
  ::mprotect(mapping, bytes, PROT_READ);
  return memory;
}

std::shared_ptr<const NodeMemory> make_node_memory(const Communicator& communicator, bool wanted, std::size_t bytes,
                                                   const FillMemory& fill, std::chrono::seconds limit) {
  const NodeGroup group = split_by_node(communicator, wanted);
  if (!wanted) return nullptr;
  expect(bytes > 0, "memory shared by a node must have a size");
  if (group.size == 1) return make_private_memory(bytes, fill);
  Offer offer;
  Descriptor file;
  std::shared_ptr<const NodeMemory> memory;
  if (group.rank == 0) memory = offer_memory(file, bytes, fill, offer);
  MPI_Request request = MPI_REQUEST_NULL;
  mpi::check(MPI_Ibcast(&offer, sizeof(offer), MPI_BYTE, 0, group.comm, &request), "MPI_Ibcast");
  mpi::wait_politely(request, limit, "memory shared by a node");
  if (offer.error[0] != '\0') throw UserError(offer.error);
  std::string why;
  if (group.rank != 0) memory = open_memory(offer, bytes, why);
  mpi::check(MPI_Ibarrier(group.comm, &request), "MPI_Ibarrier");  // before the filler closes its descriptor
  mpi::wait_politely(request, limit, "memory shared by a node");
  if (memory) return memory;
  std::fprintf(stderr, "clawrl: rank %d: cannot share memory with its node (%s); it loads a copy of its own\n",
               communicator.rank(), why.c_str());
  return make_private_memory(bytes, fill);
}

}  // namespace clawrl
