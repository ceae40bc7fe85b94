#include "frontend/channel.hpp"

#include "frontend/channel_tls.hpp"

namespace clawrl {
namespace {

class PlainChannel final : public Channel {
 public:
  explicit PlainChannel(Tcp::socket socket) : socket_(std::move(socket)) {}

  Tcp::socket& socket() override { return socket_; }
  void open(std::function<void(Error, bool)> done) override { done({}, true); }
  void read_some(boost::asio::mutable_buffer bytes, Handler done) override {
    socket_.async_read_some(bytes, std::move(done));
  }
  void write_some(boost::asio::const_buffer bytes, Handler done) override {
    socket_.async_write_some(bytes, std::move(done));
  }
  void end_sending(std::function<void()>) override {
    Error ignored;
    socket_.shutdown(Tcp::socket::shutdown_send, ignored);
  }

 private:
  Tcp::socket socket_;
};

}  // namespace

void Channel::close() {
  Error ignored;
  socket().close(ignored);
}

std::unique_ptr<Channel> make_channel(Channel::Tcp::socket socket, const std::shared_ptr<TlsContext>& tls) {
  if (tls) return make_tls_channel(std::move(socket), tls);
  return std::make_unique<PlainChannel>(std::move(socket));
}

}  // namespace clawrl
