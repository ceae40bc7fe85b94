#include "frontend/http_server.hpp"

#include <utility>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <future>
#include <thread>
#include <vector>

#include "core/error.hpp"
#include "frontend/connection.hpp"
#include "frontend/server_context.hpp"

namespace clawrl {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;

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
  bool waiting = false;  // no accept is pending: at the connection limit
  bool limit_told = false;
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
  waiting = context->count() >= static_cast<std::size_t>(context->settings.max_connections);
  if (waiting) {
    if (!std::exchange(limit_told, true)) context->log("connection limit reached: new clients wait until one leaves");
    return;
  }
  acceptor.async_accept(asio::make_strand(io), asio::bind_executor(strand, [this](auto error, Tcp::socket socket) {
                          on_accept(error, std::move(socket));
                        }));
}

void HttpServer::Impl::on_accept(boost::system::error_code error, Tcp::socket socket) {
  if (!acceptor.is_open()) return;
  if (!error) {
    auto connection = std::make_shared<Connection>(std::move(socket), context);
    context->add(connection);
    connection->start();
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

std::size_t HttpServer::connections() const {
  return impl_->context->count();
}

void HttpServer::stop(std::chrono::milliseconds drain) {
  impl_->stop(drain);
}

}  // namespace clawrl
