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
#include "frontend/http_settings.hpp"

namespace clawrl {

class Connection;

/// Thread-safe. Keeps every open connection alive until it says that it is closed.
class ServerContext {
 public:
  ServerContext(HttpSettings settings_given, ChatService& service_given)
      : settings(std::move(settings_given)), service(service_given) {}

  void add(std::shared_ptr<Connection> connection);
  void remove(const std::shared_ptr<Connection>& connection);
  std::vector<std::shared_ptr<Connection>> open() const;
  std::size_t count() const;
  bool wait_empty(std::chrono::milliseconds limit) const;
  void log(const std::string& line) const;

  const HttpSettings settings;
  ChatService& service;
  std::atomic<bool> draining{false};
  std::function<void()> on_removed;  // set before the first connection

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::unordered_set<std::shared_ptr<Connection>> connections_;
};

}  // namespace clawrl
