#pragma once
// What an operator may set about the HTTP server.

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>

#include "frontend/api_keys.hpp"

namespace clawrl {

struct HttpSettings {
  std::string address = "127.0.0.1";     // beyond loopback keys are required
  int port = 0;                          // 0 = any free one, see HttpServer::port()
  ApiKeys keys;                          // any: all but the open routes want "Authorization: Bearer <key>"
  std::string tls_certificate, tls_key;  // PEM files, the chain and its key; both empty = no TLS
  int io_threads = 1;
  int max_connections = 4096;  // above, a new one is answered 503 and closed

  // Requests above these get 429; 0 = no limit.
  int max_requests = 0;                // under way at once, in all
  int max_requests_per_key = 0;        // under way at once, of one key
  double key_requests_per_minute = 0;  // of one key; so many may come at once after a silence

  std::size_t max_body_bytes = std::size_t{16} << 20;       // 413 above
  std::size_t max_header_bytes = std::size_t{64} << 10;     // 431 above; also the longest head of a chunk
  std::size_t max_reading_bytes = std::size_t{256} << 20;   // of all bodies that are being read: 503 above
  std::size_t max_pipelined_bytes = std::size_t{64} << 10;  // that wait during a reply; above, TCP holds them back
  std::size_t max_queued_bytes = std::size_t{4} << 20;  // of one reply, not yet sent: above, a slow reader is cut off
  std::size_t parse_aside_bytes = std::size_t{128} << 10;  // larger bodies are parsed off the I/O threads

  std::chrono::milliseconds header_timeout{10'000};     // from connect or first byte to the end of the header
  std::chrono::milliseconds body_timeout{60'000};       // from the header to the end of the body
  std::chrono::milliseconds idle_timeout{120'000};      // between two requests of one connection
  std::chrono::milliseconds write_timeout{120'000};     // without a byte taken by the client
  std::chrono::milliseconds answer_timeout{600'000};    // for what the service answers in one piece later
  std::chrono::milliseconds linger_timeout{2'000};      // after a reply that closes: how long unread input is dropped
  std::chrono::milliseconds error_grace{50};            // a stream's first chunk waits so long for an early error
  std::chrono::milliseconds keepalive_interval{3'000};  // silence after which a stream gets an empty data chunk

  std::function<void(const std::string&)> log;  // one line, from any I/O thread; empty = standard error
};

}  // namespace clawrl
