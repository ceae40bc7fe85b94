#include "frontend/http_server.hpp"

#include <utility>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <future>
#include <thread>
#include <vector>

#include <sys/resource.h>

#include "core/error.hpp"
#include "frontend/connection.hpp"
#include "frontend/server_context.hpp"

namespace clawrl {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;

namespace {

constexpr std::size_t kDoorstep = 64;  // connections above the limit that wait for their 503 at one time

/// Descriptors for `connections` beside what the program has open; logs when the system gives fewer.
void raise_descriptor_limit(const ServerContext& context) {
  constexpr rlim_t others = 256;
  const rlim_t wanted = static_cast<rlim_t>(context.settings.max_connections) + others;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) return;
  limit.rlim_cur = std::min(wanted, limit.rlim_max);
  setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < wanted)
    context.log("the system allows " + std::to_string(limit.rlim_cur) +
                " open files (ulimit -n): fewer connections than http.max_connections = " +
                std::to_string(context.settings.max_connections) + " will be taken at once");
}

}  // namespace

struct HttpServer::Impl {
  Impl(HttpSettings settings, ChatService& service)
      : context(std::make_shared<ServerContext>(std::move(settings), service)) {}

  void listen();
  void accept();
  void on_accept(boost::system::error_code error, Tcp::socket socket);
  void stop(std::chrono::milliseconds drain);
  template <class Action>
  void each(Action action) {
    for (const auto& connection : context->open()) action(*connection);
  }

  std::shared_ptr<ServerContext> context;
  asio::io_context io;
  asio::executor_work_guard<asio::io_context::executor_type> guard{io.get_executor()};
  asio::strand<asio::io_context::executor_type> strand{io.get_executor()};  // acceptor's
  Tcp::acceptor acceptor{strand};
  asio::steady_timer retry{strand};
  asio::thread_pool aside{1};
  bool waiting = false;  // no accept is pending: the doorstep is full
  int port = 0;
  std::vector<std::thread> threads;
};

void HttpServer::Impl::listen() {
  const HttpSettings& settings = context->settings;
  boost::system::error_code error;
  const auto address = asio::ip::make_address(settings.address == "localhost" ? "127.0.0.1" : settings.address, error);
  require(!error, "address '" + settings.address + "' is not an IP address such as 127.0.0.1");
  require(settings.port >= 0 && settings.port <= 65535, "port must be from 0 to 65535");
  require(settings.io_threads >= 1, "io_threads must be 1 or more");
  require(settings.max_connections >= 1, "max_connections must be 1 or more");
  require(address.is_loopback() || !settings.keys.empty(),
          "address " + settings.address + " is reachable from other machines: set API keys, or listen on 127.0.0.1");
  if (!settings.tls_certificate.empty() || !settings.tls_key.empty())
    context->tls = make_tls_context(settings.tls_certificate, settings.tls_key);
  raise_descriptor_limit(*context);
  const Tcp::endpoint endpoint(address, static_cast<unsigned short>(settings.port));
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(Tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  require(!error, "cannot listen on " + settings.address + " port " + std::to_string(settings.port) + ": " +
                      error.message() + ". Stop the program that uses it, or choose another port (0 = any free one)");
  port = acceptor.local_endpoint().port();
}

void HttpServer::Impl::accept() {
  if (!acceptor.is_open()) return;
  waiting = context->count() >= static_cast<std::size_t>(context->settings.max_connections) + kDoorstep;
  if (waiting) return;
  acceptor.async_accept(asio::make_strand(io), asio::bind_executor(strand, [this](auto error, Tcp::socket socket) {
                          on_accept(error, std::move(socket));
                        }));
}

void HttpServer::Impl::on_accept(boost::system::error_code error, Tcp::socket socket) {
  if (!acceptor.is_open()) return;
  if (!error) {
    const bool full = context->count() >= static_cast<std::size_t>(context->settings.max_connections);
    auto connection = std::make_shared<Connection>(make_channel(std::move(socket), context->tls), context);
    ++context->meter.connections;
    context->add(connection);
    if (!full) connection->start();
    if (full && context->meter.turned_away++ == 0) context->log("http.max_connections reached: new clients get a 503");
    if (full) connection->turn_away();
    return accept();
  }
  context->log("cannot accept a connection: " + error.message());
  retry.expires_after(std::chrono::milliseconds(100));
  retry.async_wait([this](auto cancelled) {
    if (!cancelled) accept();
  });
}

void HttpServer::Impl::stop(std::chrono::milliseconds drain) {
  if (threads.empty()) return;
  std::promise<void> closed;
  asio::post(strand, [this, &closed] {
    context->draining = true;
    boost::system::error_code ignored;
    acceptor.close(ignored);
    retry.cancel();
    each([](Connection& connection) { connection.drain(); });
    closed.set_value();
  });
  closed.get_future().wait();  // short: an I/O thread only runs handlers that do not block
  if (!context->wait_empty(drain)) each([](Connection& connection) { connection.end_now(); });
  if (!context->wait_empty(std::chrono::seconds(1))) each([](Connection& connection) { connection.abort(); });
  context->wait_empty(std::chrono::seconds(2));
  aside.join();
  guard.reset();
  io.stop();
  for (auto& thread : threads) thread.join();
  threads.clear();
  each([](Connection& connection) { connection.abort(); });  // normally none
  io.restart();
  io.poll();
}

HttpServer::HttpServer(HttpSettings settings, ChatService& service)
    : impl_(std::make_unique<Impl>(std::move(settings), service)) {
  impl_->listen();
  impl_->context->on_removed = [impl = impl_.get()] {
    asio::post(impl->strand, [impl] {
      if (impl->waiting) impl->accept();
    });
  };
  impl_->context->run_aside = [impl = impl_.get()](std::function<void()> work) {
    asio::post(impl->aside, std::move(work));
  };
  asio::post(impl_->strand, [impl = impl_.get()] { impl->accept(); });
  for (int i = 0; i < impl_->context->settings.io_threads; ++i)
    impl_->threads.emplace_back([impl = impl_.get()] { impl->io.run(); });
}

HttpServer::~HttpServer() {
  stop(std::chrono::milliseconds(0));
}

int HttpServer::port() const {
  return impl_->port;
}

std::string HttpServer::url() const {
  const HttpSettings& settings = impl_->context->settings;
  const bool v6 = settings.address.find(':') != std::string::npos;
  return (impl_->context->tls ? "https://" : "http://") + (v6 ? "[" + settings.address + "]" : settings.address) + ":" +
         std::to_string(port());
}

std::size_t HttpServer::connections() const {
  return impl_->context->count();
}

void HttpServer::stop(std::chrono::milliseconds drain) {
  impl_->stop(drain);
}

}  // namespace clawrl
