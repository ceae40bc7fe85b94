#include "roles/http_setup.hpp"

#include <cstdlib>

#include "core/error.hpp"

namespace clawrl {
namespace {

std::chrono::milliseconds milliseconds(double seconds) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(1000 * seconds));
}

ApiKeys keys_of(const HttpConfig& config) {
  ApiKeys keys;
  if (!config.api_keys_file.empty()) try {
      keys.add_file(config.api_keys_file);
    } catch (const UserError& problem) {
      throw UserError(std::string("http.api_keys_file: ") + problem.what());
    }
  if (config.api_key_env.empty()) return keys;
  const char* secret = std::getenv(config.api_key_env.c_str());
  require(secret && *secret, "http.api_key_env = " + config.api_key_env + ": this environment variable is not set");
  keys.add({"environment", true, true, true, Learning::learn, 0}, secret);
  return keys;
}

}  // namespace

HttpSettings http_settings(const HttpConfig& config) {
  HttpSettings settings;
  settings.address = config.address;
  settings.port = config.port;
  settings.keys = keys_of(config);
  settings.tls_certificate = config.tls_certificate;
  settings.tls_key = config.tls_key;
  settings.io_threads = config.io_threads;
  settings.max_connections = config.max_connections;
  settings.max_requests = config.max_requests;
  settings.max_requests_per_key = config.max_requests_per_key;
  settings.key_requests_per_minute = config.key_requests_per_minute;
  settings.max_body_bytes = static_cast<std::size_t>(config.max_body_mb) << 20;
  settings.max_reading_bytes = static_cast<std::size_t>(config.max_reading_mb) << 20;
  settings.max_header_bytes = static_cast<std::size_t>(config.max_header_kb) << 10;
  settings.max_pipelined_bytes = static_cast<std::size_t>(config.max_pipelined_kb) << 10;
  settings.max_queued_bytes = static_cast<std::size_t>(config.max_queued_mb) << 20;
  settings.header_timeout = milliseconds(config.header_timeout_s);
  settings.body_timeout = milliseconds(config.body_timeout_s);
  settings.idle_timeout = milliseconds(config.idle_timeout_s);
  settings.write_timeout = milliseconds(config.write_timeout_s);
  settings.keepalive_interval = milliseconds(config.keepalive_s);
  return settings;
}

}  // namespace clawrl
