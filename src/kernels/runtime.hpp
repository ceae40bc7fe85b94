#pragma once
// Starting and stopping what the kernels run on. One object lives in main for as long as kernels are called.

#include <mutex>
#include <string>

namespace clawrl {

/// Objects may nest (tests inside a program that has one); the last one to go stops the runtime. It cannot be started
/// again after that: InternalError. Make and destroy it on the main thread; kernels may then be called from any thread.
class KernelRuntime {
 public:
  /// Threads of one kernel, where the backend has threads at all (the serial one does not).
  explicit KernelRuntime(int threads = 1);
  ~KernelRuntime();
  KernelRuntime(const KernelRuntime&) = delete;
  KernelRuntime& operator=(const KernelRuntime&) = delete;

  static bool running();
  /// For logs and benchmarks, e.g. "Kokkos 3.4.1, Serial, 1 thread".
  static std::string description();
};

namespace kernels {

/// Held by a kernel while it runs. Threaded backends take one kernel at a time, so there it is a lock; serial ones
/// run one per calling thread. Throws InternalError naming `kernel` when no KernelRuntime lives.
std::unique_lock<std::mutex> begin_launch(const char* kernel);

}  // namespace kernels

}  // namespace clawrl
