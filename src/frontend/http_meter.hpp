#pragma once
// What the server counts of its own work, for GET /metrics.

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <utility>

#include "frontend/routes.hpp"

namespace clawrl {

/// Thread-safe.
class HttpMeter {
 public:
  std::atomic<std::int64_t> connections{0};  // accepted, ever
  std::atomic<std::int64_t> turned_away{0};  // of them, above http.max_connections
  std::atomic<std::int64_t> handshakes_failed{0};
  std::atomic<std::int64_t> streams{0};      // open event streams
  std::atomic<std::int64_t> replies_cut{0};  // slow or stalled readers
  std::atomic<std::int64_t> hang_ups{0};     // of clients, before their reply was complete
  std::atomic<std::int64_t> bytes_sent{0};
  std::atomic<std::int64_t> bytes_reading{0};  // of bodies that are being received

  void replied(Endpoint endpoint, int status) {
    const std::lock_guard lock(mutex_);
    ++replies_[{endpoint, status}];
  }
  std::map<std::pair<Endpoint, int>, std::int64_t> replies() const {
    const std::lock_guard lock(mutex_);
    return replies_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<Endpoint, int>, std::int64_t> replies_;
};

}  // namespace clawrl
