#include "comm/nccl/nccl_collectives.hpp"

#include <cuda_runtime_api.h>
#include <nccl.h>

#include <algorithm>
#include <string>

#include "comm/backoff.hpp"
#include "comm/mpi_error.hpp"
#include "core/error.hpp"

namespace clawrl {
namespace {

void check(cudaError_t code, const char* call) {
  if (code != cudaSuccess) throw MpiError(std::string(call) + ": " + cudaGetErrorString(code), static_cast<int>(code));
}

/// The communicator does not block: a call that is still under way is no error.
void check(ncclResult_t code, const char* call) {
  if (code == ncclSuccess || code == ncclInProgress) return;
  throw MpiError(std::string(call) + ": " + ncclGetErrorString(code), static_cast<int>(code));
}

class NcclCollectives final : public Collectives {
 public:
  NcclCollectives(const std::vector<int>& world_ranks, int device, const CollectiveSettings& settings);
  ~NcclCollectives() override;
  int rank() const override { return control_->rank(); }
  int size() const override { return control_->size(); }
  void sum(std::span<float> values) override { reduce(values, ncclFloat32, ncclSum, "sum"); }
  void sum(std::span<double> values) override { reduce(values, ncclFloat64, ncclSum, "sum"); }
  void max(std::span<double> values) override { reduce(values, ncclFloat64, ncclMax, "max"); }
  void broadcast(std::span<std::byte> bytes, int root) override;
  void barrier() override { control_->barrier(); }

 private:
  template <class T>
  void reduce(std::span<T> values, ncclDataType_t type, ncclRedOp_t operation, const char* what);
  template <class Call>
  void staged(std::span<std::byte> bytes, const char* what, Call&& call);
  void settle(const char* what);
  void wait(const char* what);
  [[noreturn]] void give_up(ncclResult_t failure, cudaError_t state, const char* what);

  std::unique_ptr<Collectives> control_;  // MPI, same ranks: start-up and barriers
  CollectiveSettings settings_;
  int device_;
  ncclComm_t comm_ = nullptr;
  cudaStream_t stream_ = nullptr;
  void* memory_ = nullptr;  // settings_.segment_bytes on the device
};

NcclCollectives::NcclCollectives(const std::vector<int>& world_ranks, int device, const CollectiveSettings& settings)
    : control_(make_mpi_collectives(world_ranks, settings)), settings_(settings), device_(device) {
  check(cudaSetDevice(device_), "cudaSetDevice");
  check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate");
  check(cudaMalloc(&memory_, settings_.segment_bytes), "cudaMalloc");
  ncclUniqueId id{};
  if (rank() == 0) check(ncclGetUniqueId(&id), "ncclGetUniqueId");
  control_->broadcast(std::as_writable_bytes(std::span(id.internal)), 0);
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  check(ncclCommInitRankConfig(&comm_, size(), id, rank(), &config), "ncclCommInitRank");
  settle("start of NCCL");
}

NcclCollectives::~NcclCollectives() {
  if (comm_ != nullptr) ncclCommAbort(comm_);  // nothing is in flight between calls; destroying could wait for peers
  if (memory_ != nullptr) cudaFree(memory_);
  if (stream_ != nullptr) cudaStreamDestroy(stream_);
}

void NcclCollectives::give_up(ncclResult_t failure, cudaError_t state, const char* what) {
  ncclCommAbort(comm_);
  comm_ = nullptr;
  if (state != cudaErrorNotReady) check(state, what);
  check(failure, what);
  throw UserError(std::string("collective ") + what + ": rank " + std::to_string(rank()) + " of " +
                  std::to_string(size()) + " waited " + std::to_string(settings_.limit.count()) +
                  " s for the others; is one stuck or gone?");
}

/// Until NCCL has handed its work to the stream.
void NcclCollectives::settle(const char* what) {
  Backoff backoff(std::chrono::microseconds(500));
  for (;;) {
    ncclResult_t state = ncclInProgress;
    check(ncclCommGetAsyncError(comm_, &state), "ncclCommGetAsyncError");
    if (state == ncclSuccess) return;
    if (state != ncclInProgress || backoff.elapsed() > settings_.limit) give_up(state, cudaErrorNotReady, what);
    backoff.pause();
  }
}

/// Until the stream has done it.
void NcclCollectives::wait(const char* what) {
  Backoff backoff(std::chrono::microseconds(500));
  for (;;) {
    const cudaError_t state = cudaStreamQuery(stream_);
    if (state == cudaSuccess) return;
    ncclResult_t failure = ncclSuccess;
    check(ncclCommGetAsyncError(comm_, &failure), "ncclCommGetAsyncError");
    const bool broken = state != cudaErrorNotReady || (failure != ncclSuccess && failure != ncclInProgress);
    if (broken || backoff.elapsed() > settings_.limit) give_up(failure, state, what);
    backoff.pause();
  }
}

template <class Call>
void NcclCollectives::staged(std::span<std::byte> bytes, const char* what, Call&& call) {
  expect(comm_ != nullptr, std::string("collective ") + what + " after the group failed");
  check(cudaSetDevice(device_), "cudaSetDevice");  // the calling thread may have another one
  for (std::size_t begin = 0; begin < bytes.size(); begin += settings_.segment_bytes) {
    const auto part = bytes.subspan(begin, std::min(settings_.segment_bytes, bytes.size() - begin));
    check(cudaMemcpyAsync(memory_, part.data(), part.size(), cudaMemcpyHostToDevice, stream_), "cudaMemcpyAsync");
    check(call(part.size()), what);
    settle(what);
    check(cudaMemcpyAsync(part.data(), memory_, part.size(), cudaMemcpyDeviceToHost, stream_), "cudaMemcpyAsync");
    wait(what);
  }
}

template <class T>
void NcclCollectives::reduce(std::span<T> values, ncclDataType_t type, ncclRedOp_t operation, const char* what) {
  staged(std::as_writable_bytes(values), what, [&](std::size_t bytes) {
    return ncclAllReduce(memory_, memory_, bytes / sizeof(T), type, operation, comm_, stream_);
  });
}

void NcclCollectives::broadcast(std::span<std::byte> bytes, int root) {
  expect(root >= 0 && root < size(),
         "broadcast from rank " + std::to_string(root) + " of a group of " + std::to_string(size()));
  staged(bytes, "broadcast",
         [&](std::size_t count) { return ncclBroadcast(memory_, memory_, count, ncclUint8, root, comm_, stream_); });
}

}  // namespace

bool nccl_built() {
  return true;
}

std::unique_ptr<Collectives> make_nccl_collectives(const std::vector<int>& world_ranks, int device,
                                                   const CollectiveSettings& settings) {
  require(settings.segment_bytes >= 8 && settings.segment_bytes % 8 == 0, "segment_bytes must be a multiple of 8");
  return std::make_unique<NcclCollectives>(world_ranks, device, settings);
}

}  // namespace clawrl
