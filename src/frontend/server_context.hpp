#pragma once
// What the connections of one server share.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

#include "frontend/chat_service.hpp"
#include "frontend/http_meter.hpp"
#include "frontend/http_settings.hpp"
#include "frontend/request_limits.hpp"

namespace clawrl {

class Connection;
struct TlsContext;

/// Thread-safe. Keeps every open connection alive until it says that it is closed.
class ServerContext {
 public:
  ServerContext(HttpSettings settings_given, ChatService& service_given)
      : settings(std::move(settings_given)), service(service_given), limits(settings) {}

  void add(std::shared_ptr<Connection> connection);
  void remove(const std::shared_ptr<Connection>& connection);
  std::vector<std::shared_ptr<Connection>> open() const;
  std::size_t count() const;
  bool wait_empty(std::chrono::milliseconds limit) const;
  void log(const std::string& line) const;

  const HttpSettings settings;
  ChatService& service;
  RequestLimits limits;
  HttpMeter meter;
  std::atomic<bool> draining{false};
  // Set before the first connection:
  std::shared_ptr<TlsContext> tls;                       // nullptr = plain
  std::function<void()> on_removed;                      // a connection has gone
  std::function<void(std::function<void()>)> run_aside;  // off the I/O threads

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::unordered_set<std::shared_ptr<Connection>> connections_;
};

}  // namespace clawrl
