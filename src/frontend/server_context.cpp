#include "frontend/server_context.hpp"

#include <cstdio>

namespace clawrl {

void ServerContext::add(std::shared_ptr<Connection> connection) {
  const std::lock_guard lock(mutex_);
  connections_.insert(std::move(connection));
}

void ServerContext::remove(const std::shared_ptr<Connection>& connection) {
  {
    const std::lock_guard lock(mutex_);
    connections_.erase(connection);
    changed_.notify_all();
  }
  if (on_removed) on_removed();
}

std::vector<std::shared_ptr<Connection>> ServerContext::open() const {
  const std::lock_guard lock(mutex_);
  return {connections_.begin(), connections_.end()};
}

std::size_t ServerContext::count() const {
  const std::lock_guard lock(mutex_);
  return connections_.size();
}

bool ServerContext::wait_empty(std::chrono::milliseconds limit) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, limit, [this] { return connections_.empty(); });
}

void ServerContext::log(const std::string& line) const {
  if (settings.log)
    settings.log(line);
  else
    std::fprintf(stderr, "frontend: %s\n", line.c_str());
}

}  // namespace clawrl
