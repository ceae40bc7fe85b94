#pragma once
// The OpenAI-compatible HTTP front; frontend/routes.cpp has its paths.

#include <chrono>
#include <memory>
#include <string>

#include "frontend/chat_service.hpp"
#include "frontend/http_settings.hpp"

namespace clawrl {

/// Listens from construction on, with threads of its own; `service` must outlive it. Asynchronous: one I/O thread
/// carries thousands of open streams. The service's sinks may outlive the server.
class HttpServer {
 public:
  /// Throws UserError when the address is wrong or taken.
  HttpServer(HttpSettings settings, ChatService& service);
  ~HttpServer();  // stop(0)
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  int port() const;         // the real one
  std::string url() const;  // "http://127.0.0.1:30000"
  std::size_t connections() const;

  /// Accepts nobody any more, lets running replies finish for at most `drain`, then tells the remaining ones with an
  /// error and closes. Returns when all is closed and the threads are gone, at most about 3 s after `drain`.
  /// May be called again; not from a thread of the server (so not inside ChatService).
  void stop(std::chrono::milliseconds drain);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace clawrl
