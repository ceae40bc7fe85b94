#pragma once
// A message on its way through MPI. Its first MPI message carries the header and, when they fit, body and payload; what
// does not fit follows in chunks on the port's own tag.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <list>
#include <span>
#include <type_traits>

#include "comm/mailbox.hpp"

namespace clawrl {

enum class MessageKind : std::uint8_t { data, goodbye };

struct MessageHeader {
  std::uint64_t body_bytes = 0;
  std::uint64_t payload_bytes = 0;
  std::uint64_t chunk_bytes = 1;
  std::uint16_t type = 0;
  Port port = Port::head;
  MessageKind kind = MessageKind::data;
  std::uint32_t magic = 0x4c574143;
};
static_assert(std::is_trivially_copyable_v<MessageHeader> && sizeof(MessageHeader) == 32);

/// Below the eager limit of every transport of Open MPI, so that a first message is never split by the library.
inline constexpr std::size_t first_message_bytes = 3072;
inline constexpr int first_message_tag = 1;
inline int chunk_tag(Port port) {
  return 16 + static_cast<int>(port);
}

inline bool body_rides_along(const MessageHeader& header) {
  return header.body_bytes <= first_message_bytes - sizeof(MessageHeader);
}
inline bool payload_rides_along(const MessageHeader& header) {
  return body_rides_along(header) &&
         header.payload_bytes <= first_message_bytes - sizeof(MessageHeader) - header.body_bytes;
}

/// The chunks of a message in the order in which they travel; sender and receiver cut alike.
class Chunks {
 public:
  Chunks() = default;
  Chunks(const MessageHeader& header, std::span<std::byte> body, std::span<std::byte> payload)
      : size_(header.chunk_bytes) {
    if (!body_rides_along(header)) body_ = body;
    if (!payload_rides_along(header)) payload_ = payload;
  }
  bool empty() const { return body_.empty() && payload_.empty(); }
  std::span<std::byte> next() {
    std::span<std::byte>& part = body_.empty() ? payload_ : body_;
    const auto chunk = part.first(std::min<std::size_t>(size_, part.size()));
    part = part.subspan(chunk.size());
    return chunk;
  }

 private:
  std::size_t size_ = 1;
  std::span<std::byte> body_, payload_;
};

struct Outgoing {
  int destination = 0;
  MessageHeader header;
  std::vector<std::byte> body;
  Buffer payload;
  std::size_t cost = 0;  // bytes that it occupies in the outbox
  Buffer first;          // its first MPI message
  Chunks chunks;         // not yet handed to MPI
  int open = 0;          // MPI requests that are not complete
  bool dropped = false;  // its receiver died
  std::list<Outgoing>::iterator self;
};

}  // namespace clawrl
