#pragma once
// Typed asynchronous point-to-point messages between ranks, with raw tensor payloads beside them.
//
//   compute thread --send()--> [outbox, bounded in bytes] --MPI--> [port queue] --receive()--> compute thread
//
// One thread at a time drives MPI: the mailbox's own progress thread, which polls with back-off (an idle rank sleeps),
// or a thread inside receive(), which polls eagerly for a moment before it sleeps. A message to the own rank never
// touches MPI. Messages of one (sender, port) pair arrive in order.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "comm/wire.hpp"

namespace clawrl {

/// A queue of this rank that one consumer reads. Every role and the head have theirs.
enum class Port : std::uint8_t { head, rollout, prm, trainer, weights, control, count };
const char* name(Port port);

/// Bytes owned by whoever holds the object.
using Buffer = std::vector<std::byte>;

struct Envelope {
  int source = 0;
  Port port = Port::head;
  std::uint16_t type = 0;     // message type id, see roles/messages.hpp
  Buffer body;                // serialised message
  Buffer payload;             // raw tensor bytes; may be empty
  template <class Message> Message open() const { return unpack<Message>(body); }
};

struct MailboxSettings {
  std::size_t outbox_bytes = std::size_t{256} << 20;  // send() blocks above it (never for messages to the own rank)
  std::size_t inbox_bytes = std::size_t{1} << 30;     // the progress engine stops receiving for a while above it
  std::size_t chunk_bytes = std::size_t{4} << 20;
  std::chrono::microseconds spin{50};                 // eager polling in receive() before sleeping
  std::chrono::microseconds idle_max{2000};           // longest sleep of the progress thread
};

struct MailboxStatistics {
  std::uint64_t messages_sent = 0, messages_received = 0, bytes_sent = 0, bytes_received = 0;
  std::size_t outbox_peak = 0, inbox_peak = 0;
};

class Mailbox {
 public:
  virtual ~Mailbox() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;

  /// Thread-safe. Takes the buffers over and returns at once, unless the outbox is full: then waits at most `limit`
  /// and throws UserError naming rank, port and type. Never blocks on the receiver otherwise.
  virtual void post(int destination, Port port, std::uint16_t type, Buffer body, Buffer payload = {}) = 0;

  /// Next message of a port, or nothing after `timeout`. One consumer thread per port.
  virtual std::optional<Envelope> receive(Port port, std::chrono::microseconds timeout) = 0;

  /// Handed every message of the port instead of receive(), on the thread that drives MPI: keep it short.
  virtual void on_message(Port port, std::function<void(Envelope)> handler) = 0;

  /// Called once per rank that died (ULFM builds only), on the progress thread.
  virtual void on_rank_lost(std::function<void(int rank)> handler) = 0;

  /// All sends handed to MPI and complete? Waits at most `limit`.
  virtual bool flush(std::chrono::milliseconds limit) = 0;
  virtual MailboxStatistics statistics() const = 0;

  template <class Message>
  void send(int destination, Port port, const Message& message, Buffer payload = {}) {
    post(destination, port, Message::type_id, pack(message), std::move(payload));
  }
};

}  // namespace clawrl
