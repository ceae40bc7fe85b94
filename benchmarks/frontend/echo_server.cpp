#include "echo_server.hpp"

#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <thread>

namespace clawrl::bench {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using Tcp = asio::ip::tcp;

namespace {

struct Session : std::enable_shared_from_this<Session> {
  explicit Session(Tcp::socket given) : socket(std::move(given)) {
    boost::system::error_code ignored;
    socket.set_option(Tcp::no_delay(true), ignored);
  }
  void read() {
    request = {};
    http::async_read(socket, buffer, request, [self = shared_from_this()](auto error, std::size_t) {
      if (!error) self->write();
    });
  }
  void write() {
    response = {http::status::ok, 11, request.body()};
    response.prepare_payload();
    http::async_write(socket, response, [self = shared_from_this()](auto error, std::size_t) {
      if (!error) self->read();
    });
  }
  Tcp::socket socket;
  boost::beast::flat_buffer buffer;
  http::request<http::string_body> request;
  http::response<http::string_body> response;
};

}  // namespace

struct EchoServer::Impl {
  void accept() {
    acceptor.async_accept([this](auto error, Tcp::socket socket) {
      if (error) return;
      std::make_shared<Session>(std::move(socket))->read();
      accept();
    });
  }
  asio::io_context io;
  Tcp::acceptor acceptor{io, {asio::ip::make_address("127.0.0.1"), 0}};
  std::thread thread;
};

EchoServer::EchoServer() : impl_(std::make_unique<Impl>()) {
  impl_->accept();
  impl_->thread = std::thread([this] { impl_->io.run(); });
}

EchoServer::~EchoServer() {
  impl_->io.stop();
  impl_->thread.join();
}

int EchoServer::port() const {
  return impl_->acceptor.local_endpoint().port();
}

}  // namespace clawrl::bench
