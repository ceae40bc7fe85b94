#include "kernels/runtime.hpp"

#include <Kokkos_Core.hpp>

#include "core/error.hpp"

namespace clawrl {

namespace {

using Host = Kokkos::DefaultHostExecutionSpace;

std::mutex state_mutex;
std::mutex launch_mutex;
int alive = 0;
bool owner = false;
bool stopped = false;
bool threaded = false;

void start(int threads) {
#if KOKKOS_VERSION >= 30700
  Kokkos::initialize(Kokkos::InitializationSettings().set_num_threads(threads).set_disable_warnings(true));
#else
  Kokkos::InitArguments arguments;
  arguments.num_threads = threads;
  arguments.disable_warnings = true;
  Kokkos::initialize(arguments);
#endif
}

}  // namespace

KernelRuntime::KernelRuntime(int threads) {
  require(threads >= 1, "kernel threads: " + std::to_string(threads) + " is not allowed, at least 1 is");
  const std::lock_guard lock(state_mutex);
  expect(!stopped, "KernelRuntime was stopped and cannot be started a second time in one process");
  if (alive == 0 && !Kokkos::is_initialized()) {
    start(threads);
    owner = true;
  }
  threaded = Host().concurrency() > 1;
  ++alive;
}

KernelRuntime::~KernelRuntime() {
  const std::lock_guard lock(state_mutex);
  if (--alive > 0 || !owner) return;
  Kokkos::finalize();
  owner = false;
  stopped = true;
}

bool KernelRuntime::running() {
  const std::lock_guard lock(state_mutex);
  return alive > 0;
}

std::string KernelRuntime::description() {
  const std::lock_guard lock(state_mutex);
  expect(alive > 0, "KernelRuntime::description before a KernelRuntime was made");
  const int threads = Host().concurrency();
  return "Kokkos " + std::to_string(KOKKOS_VERSION / 10000) + "." + std::to_string(KOKKOS_VERSION / 100 % 100) + "." +
         std::to_string(KOKKOS_VERSION % 100) + ", " + Host::name() + ", " + std::to_string(threads) +
         (threads == 1 ? " thread" : " threads");
}

namespace kernels {

std::unique_lock<std::mutex> begin_launch(const char* kernel) {
  expect(KernelRuntime::running(), std::string("kernel ") + kernel + " was called while no KernelRuntime lives");
  return threaded ? std::unique_lock(launch_mutex) : std::unique_lock<std::mutex>();
}

}  // namespace kernels

}  // namespace clawrl
