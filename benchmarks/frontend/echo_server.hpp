#pragma once
// The least that Beast can do: reads a request, sends its body back. On one thread, as our server.

#include <memory>

namespace clawrl::bench {

class EchoServer {
 public:
  EchoServer();
  ~EchoServer();
  int port() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace clawrl::bench
