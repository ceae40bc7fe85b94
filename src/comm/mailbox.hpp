#pragma once
// Typed asynchronous point-to-point messages between ranks, with raw tensor payloads beside them.
//
//   compute thread --send()--> [outbox, bounded in bytes] --MPI--> [port queue] --receive()--> compute thread
//
// One thread at a time drives MPI: the mailbox's own progress thread, which polls with back-off (an idle rank sleeps),
// a thread inside receive(), which polls eagerly for a moment before it sleeps, or a sender that finds MPI free.
// A message to the own rank never touches MPI. Messages of one (sender, port) pair arrive in order; large ones travel
// in chunks, and messages of other ports or peers overtake them.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "comm/buffer.hpp"
#include "comm/wire.hpp"

namespace clawrl {

class Communicator;

/// A queue of this rank that one consumer reads. Every role and the head have theirs.
enum class Port : std::uint8_t { head, rollout, prm, trainer, weights, control, count };
const char* name(Port port);

struct Envelope {
  int source = 0;
  Port port = Port::head;
  std::uint16_t type = 0;       // message type id, see roles/messages.hpp
  std::vector<std::byte> body;  // serialised message
  Buffer payload;               // raw tensor bytes; may be empty
  template <class Message>
  Message open() const {
    return unpack<Message>(body);
  }
};

struct MailboxSettings {
  std::size_t outbox_bytes = std::size_t{256} << 20;  // send() blocks above it (never for messages to the own rank)
  std::size_t inbox_bytes = std::size_t{1} << 30;     // above it no message is taken from MPI for a while
  std::size_t chunk_bytes = std::size_t{4} << 20;     // of large bodies and payloads
  std::chrono::microseconds spin{50};                 // eager polling in receive() before sleeping
  std::chrono::microseconds idle_max{2000};           // longest sleep of the progress thread
  std::chrono::seconds send_limit{60};                // longest wait of send() for room in the outbox
  std::chrono::seconds close_limit{30};               // longest wait of the destructor for the other ranks' goodbyes
};

struct MailboxStatistics {
  std::uint64_t messages_sent = 0, messages_received = 0, bytes_sent = 0, bytes_received = 0;
  std::uint64_t messages_dropped = 0;           // their receiver died
  std::size_t outbox_peak = 0, inbox_peak = 0;  // bytes
};

/// Every method throws what stopped the mailbox (an MPI error, an exception of a handler), with the rank, once it
/// has stopped. The destructor is meant to run on all ranks at about the same time: it delivers what was sent,
/// exchanges goodbyes, and says on stderr which ranks did not answer within `close_limit`; while an exception unwinds
/// the stack it does not wait. No other thread may be inside a method then.
class Mailbox {
 public:
  virtual ~Mailbox() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;

  /// Thread-safe. Takes the buffers over and returns at once, unless the outbox is full: then waits at most
  /// `send_limit` and throws UserError naming rank, port and type. A message larger than the bound goes alone; inside a
  /// handler nothing waits. A message to a dead rank is dropped and counted. Never blocks on the receiver otherwise.
  virtual void post(int destination, Port port, std::uint16_t type, std::vector<std::byte> body,
                    Buffer payload = {}) = 0;

  /// Next message of a port, or nothing after `timeout` (0 looks once). One consumer thread per port.
  virtual std::optional<Envelope> receive(Port port, std::chrono::microseconds timeout) = 0;

  /// Handed every message of the port instead of receive(), on the mailbox's own progress thread: keep it short, for
  /// this rank's traffic waits meanwhile. It may post. Earlier messages of the port come first.
  virtual void on_message(Port port, std::function<void(Envelope)> handler) = 0;

  /// Called once per rank that died (ULFM builds only), on the progress thread, also for deaths before this call.
  virtual void on_rank_lost(std::function<void(int rank)> handler) = 0;

  /// Everything sent so far complete, that is, taken in by the receiving mailboxes? Waits at most `limit`.
  virtual bool flush(std::chrono::milliseconds limit) = 0;
  virtual MailboxStatistics statistics() const = 0;

  template <class Message>
  void send(int destination, Port port, const Message& message, Buffer payload = {}) {
    post(destination, port, Message::type_id, pack(message), std::move(payload));
  }
};

/// Collective over `communicator`, which is duplicated: ranks in messages are its ranks. Needs MPI_THREAD_MULTIPLE
/// where other threads use MPI as well (collectives do).
std::unique_ptr<Mailbox> make_mailbox(const Communicator& communicator, const MailboxSettings& settings = {});

}  // namespace clawrl
