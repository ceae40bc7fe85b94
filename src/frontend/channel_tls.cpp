#include "frontend/channel_tls.hpp"

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <fstream>

#include "core/error.hpp"

namespace clawrl {

namespace asio = boost::asio;
namespace ssl = asio::ssl;

struct TlsContext {
  ssl::context ssl{ssl::context::tls_server};
};

namespace {

constexpr unsigned char kHandshakeRecord = 0x16;  // the first byte of every TLS client

class TlsChannel final : public Channel {
 public:
  TlsChannel(Tcp::socket socket, std::shared_ptr<TlsContext> tls)
      : tls_(std::move(tls)), stream_(std::move(socket), tls_->ssl) {}

  Tcp::socket& socket() override { return stream_.next_layer(); }

  void open(std::function<void(Error, bool)> done) override {
    socket().async_wait(Tcp::socket::wait_read, [this, done = std::move(done)](Error error) mutable {
      unsigned char first = 0;
      if (!error) socket().receive(asio::buffer(&first, 1), asio::socket_base::message_peek, error);
      if (error == asio::error::would_block || error == asio::error::try_again) return open(std::move(done));
      if (error) return done(error, true);
      secure_ = first == kHandshakeRecord;
      if (!secure_) return done({}, false);
      stream_.async_handshake(ssl::stream_base::server, [done = std::move(done)](Error failed) { done(failed, true); });
    });
  }

  void read_some(asio::mutable_buffer bytes, Handler done) override {
    if (secure_)
      stream_.async_read_some(bytes, std::move(done));
    else
      socket().async_read_some(bytes, std::move(done));
  }

  void write_some(asio::const_buffer bytes, Handler done) override {
    if (secure_)
      stream_.async_write_some(bytes, std::move(done));
    else
      socket().async_write_some(bytes, std::move(done));
  }

  void end_sending(std::function<void()> done) override {
    Error ignored;
    if (secure_) return stream_.async_shutdown([done = std::move(done)](Error) { done(); });
    socket().shutdown(Tcp::socket::shutdown_send, ignored);
  }

 private:
  std::shared_ptr<TlsContext> tls_;
  ssl::stream<Tcp::socket> stream_;
  bool secure_ = true;
};

void require_readable(const std::string& path, const char* setting) {
  require(std::ifstream(path).good(), std::string(setting) + ": cannot read " + path);
}

}  // namespace

std::shared_ptr<TlsContext> make_tls_context(const std::string& certificate_file, const std::string& key_file) {
  require(!certificate_file.empty() && !key_file.empty(),
          "http.tls_certificate and http.tls_key are given together or not at all");
  require_readable(certificate_file, "http.tls_certificate");
  require_readable(key_file, "http.tls_key");
  auto tls = std::make_shared<TlsContext>();
  Channel::Error error;
  tls->ssl.set_options(ssl::context::no_compression | ssl::context::single_dh_use);
  SSL_CTX_set_min_proto_version(tls->ssl.native_handle(), TLS1_2_VERSION);
  SSL_CTX_set_options(tls->ssl.native_handle(), SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(tls->ssl.native_handle(), SSL_MODE_RELEASE_BUFFERS);  // an open stream that waits holds none
  tls->ssl.use_certificate_chain_file(certificate_file, error);
  require(!error, "http.tls_certificate: " + certificate_file + " is no PEM certificate: " + error.message());
  tls->ssl.set_password_callback([](std::size_t, ssl::context::password_purpose) { return std::string(); }, error);
  tls->ssl.use_private_key_file(key_file, ssl::context::pem, error);
  require(!error, "http.tls_key: " + key_file + " is no PEM private key without a password, or does not belong to " +
                      certificate_file + ": " + error.message());
  require(SSL_CTX_check_private_key(tls->ssl.native_handle()) == 1,
          "http.tls_key: " + key_file + " does not belong to the certificate " + certificate_file);
  return tls;
}

std::unique_ptr<Channel> make_tls_channel(Channel::Tcp::socket socket, std::shared_ptr<TlsContext> tls) {
  return std::make_unique<TlsChannel>(std::move(socket), std::move(tls));
}

}  // namespace clawrl
