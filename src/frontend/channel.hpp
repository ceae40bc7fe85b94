#pragma once
// The bytes of one connection, plain or by TLS.

#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <string>

namespace clawrl {

/// At most one read and one write at a time; all calls and handlers on the socket's strand. Handlers of operations
/// that close() breaks off are called with an error.
class Channel {
 public:
  using Error = boost::system::error_code;
  using Tcp = boost::asio::ip::tcp;
  using Handler = std::function<void(Error, std::size_t)>;

  virtual ~Channel() = default;
  virtual Tcp::socket& socket() = 0;
  /// Before the first read. `secure` is false when a client speaks plainly to a TLS port: it can be told so.
  virtual void open(std::function<void(Error, bool secure)> done) = 0;
  virtual void read_some(boost::asio::mutable_buffer bytes, Handler done) = 0;
  virtual void write_some(boost::asio::const_buffer bytes, Handler done) = 0;
  virtual void end_sending(std::function<void()> done) = 0;  // reading goes on until the client ends, too
  void close();
};

struct TlsContext;  // certificate, key and protocol versions

/// TLS 1.2 or newer. Throws UserError that names the file, also when certificate and key do not belong together.
std::shared_ptr<TlsContext> make_tls_context(const std::string& certificate_file, const std::string& key_file);

std::unique_ptr<Channel> make_channel(Channel::Tcp::socket socket, const std::shared_ptr<TlsContext>& tls);

}  // namespace clawrl
