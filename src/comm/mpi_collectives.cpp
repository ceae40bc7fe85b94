#include "comm/mpi_collectives.hpp"

#include <algorithm>
#include <string>

#include "comm/backoff.hpp"
#include "comm/mpi_support.hpp"
#include "core/error.hpp"

namespace clawrl {
namespace {

template <class T>
MPI_Datatype mpi_type();
template <>
MPI_Datatype mpi_type<float>() {
  return MPI_FLOAT;
}
template <>
MPI_Datatype mpi_type<double>() {
  return MPI_DOUBLE;
}

struct Add {
  template <class T>
  T operator()(T a, T b) const {
    return a + b;
  }
};

struct Larger {
  double operator()(double a, double b) const { return std::max(a, b); }
};

class MpiCollectives final : public Collectives {
 public:
  MpiCollectives(const std::vector<int>& world_ranks, const CollectiveSettings& settings)
      : communicator_(Communicator::own_subset(world_ranks)), settings_(settings) {}

  int rank() const override { return communicator_.rank(); }
  int size() const override { return communicator_.size(); }
  void sum(std::span<float> values) override { reduce(values, Add{}, "sum"); }
  void sum(std::span<double> values) override { reduce(values, Add{}, "sum"); }
  void max(std::span<double> values) override { reduce(values, Larger{}, "max"); }
  void broadcast(std::span<std::byte> bytes, int root) override;
  void barrier() override;

 private:
  template <class T, class Operation>
  void reduce(std::span<T> values, Operation operation, const char* what);
  template <class T, class Operation>
  void reduce_segment(std::span<T> values, Operation operation, const char* what);
  void started(int code, const char* call);
  void abandon();
  void wait(MPI_Request& request, const char* what);

  Communicator communicator_;
  CollectiveSettings settings_;
  std::vector<std::byte> scratch_;
  std::vector<int> counts_, offsets_, received_, places_;
};

void MpiCollectives::started(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  if (mpi::says_rank_lost(code)) mpi::revoke(mpi::raw(communicator_));
  abandon();
  mpi::throw_error(code, call);
}

/// MPI may go on with an unfinished call: neither the communicator nor the scratch memory may ever be freed.
void MpiCollectives::abandon() {
  [[maybe_unused]] auto* communicator = new Communicator(communicator_);
  [[maybe_unused]] auto* scratch = new std::vector<std::byte>(std::move(scratch_));
  scratch_.clear();
}

void MpiCollectives::wait(MPI_Request& request, const char* what) {
  Backoff backoff(std::chrono::microseconds(500));
  for (int done = 0;;) {
    started(MPI_Test(&request, &done, MPI_STATUS_IGNORE), what);
    if (done != 0) return;
    if (backoff.elapsed() > settings_.limit) {
      abandon();
      throw UserError(std::string("collective ") + what + ": rank " + std::to_string(rank()) + " of " +
                      std::to_string(size()) + " waited " + std::to_string(settings_.limit.count()) +
                      " s for the others; is one stuck or gone?");
    }
    backoff.pause();
  }
}

template <class T, class Operation>
void MpiCollectives::reduce(std::span<T> values, Operation operation, const char* what) {
  if (size() == 1) return;
  const std::size_t step = std::max<std::size_t>(settings_.segment_bytes / sizeof(T), 1);
  for (std::size_t begin = 0; begin < values.size(); begin += step) {
    reduce_segment(values.subspan(begin, std::min(step, values.size() - begin)), operation, what);
  }
}

template <class T, class Operation>
void MpiCollectives::reduce_segment(std::span<T> values, Operation operation, const char* what) {
  const auto ranks = static_cast<std::size_t>(size());
  counts_.resize(ranks), offsets_.resize(ranks), received_.resize(ranks), places_.resize(ranks);
  for (std::size_t r = 0; r < ranks; ++r) {
    offsets_[r] = static_cast<int>(values.size() * r / ranks);
    counts_[r] = static_cast<int>(values.size() * (r + 1) / ranks) - offsets_[r];
  }
  const auto mine = static_cast<std::size_t>(counts_[static_cast<std::size_t>(rank())]);
  for (std::size_t r = 0; r < ranks; ++r) {
    received_[r] = static_cast<int>(mine);
    places_[r] = static_cast<int>(mine * r);
  }
  scratch_.resize(std::max(scratch_.size(), mine * ranks * sizeof(T)));
  T* const blocks = reinterpret_cast<T*>(scratch_.data());
  MPI_Request request = MPI_REQUEST_NULL;
  started(MPI_Ialltoallv(values.data(), counts_.data(), offsets_.data(), mpi_type<T>(), blocks, received_.data(),
                         places_.data(), mpi_type<T>(), mpi::raw(communicator_), &request),
          "MPI_Ialltoallv");
  wait(request, what);
  for (std::size_t r = 1; r < ranks; ++r) {
    for (std::size_t i = 0; i < mine; ++i) blocks[i] = operation(blocks[i], blocks[r * mine + i]);
  }
  started(MPI_Iallgatherv(blocks, static_cast<int>(mine), mpi_type<T>(), values.data(), counts_.data(), offsets_.data(),
                          mpi_type<T>(), mpi::raw(communicator_), &request),
          "MPI_Iallgatherv");
  wait(request, what);
}

void MpiCollectives::broadcast(std::span<std::byte> bytes, int root) {
  expect(root >= 0 && root < size(),
         "broadcast from rank " + std::to_string(root) + " of a group of " + std::to_string(size()));
  constexpr std::size_t most = std::size_t{1} << 30;  // MPI counts are int
  for (std::size_t begin = 0; size() > 1 && begin < bytes.size(); begin += most) {
    const auto part = bytes.subspan(begin, std::min(most, bytes.size() - begin));
    MPI_Request request = MPI_REQUEST_NULL;
    started(MPI_Ibcast(part.data(), static_cast<int>(part.size()), MPI_BYTE, root, mpi::raw(communicator_), &request),
            "MPI_Ibcast");
    wait(request, "broadcast");
  }
}

void MpiCollectives::barrier() {
  if (size() == 1) return;
  MPI_Request request = MPI_REQUEST_NULL;
  started(MPI_Ibarrier(mpi::raw(communicator_), &request), "MPI_Ibarrier");
  wait(request, "barrier");
}

}  // namespace

std::unique_ptr<Collectives> make_mpi_collectives(const std::vector<int>& world_ranks,
                                                  const CollectiveSettings& settings) {
  return std::make_unique<MpiCollectives>(world_ranks, settings);
}

}  // namespace clawrl
