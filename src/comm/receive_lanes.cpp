#include "comm/receive_lanes.hpp"

#include <string>

#include "comm/send_lanes.hpp"
#include "core/error.hpp"

namespace clawrl {
namespace {

constexpr int most_per_pass = 32;  // first messages taken before other duties get their turn

}  // namespace

ReceiveLanes::ReceiveLanes(const Communicator& communicator, Inbox& inbox, RequestTable& requests)
    : comm_(mpi::raw(communicator)), inbox_(inbox), requests_(requests), scratch_(first_message_bytes) {}

bool ReceiveLanes::advance(bool& saw_loss) {
  bool worked = false;
  for (int taken = 0; taken < most_per_pass && !inbox_.full(); ++taken) {
    int arrived = 0, bytes = 0;
    MPI_Status status;
    const int code = MPI_Iprobe(MPI_ANY_SOURCE, first_message_tag, comm_, &arrived, &status);
    if (mpi::says_rank_lost(code)) {
      saw_loss = true;
      break;
    }
    mpi::check(code, "MPI_Iprobe");
    if (arrived == 0) break;
    MPI_Get_count(&status, MPI_BYTE, &bytes);
    take_first(status.MPI_SOURCE, bytes);
    worked = true;
  }
  if (busy_ == 0) return worked;
  for (auto& [key, lane] : lanes_) worked |= pump(lane);
  return worked;
}

void ReceiveLanes::take_first(int source, int bytes) {
  expect(bytes >= static_cast<int>(sizeof(MessageHeader)) && bytes <= static_cast<int>(first_message_bytes),
         "message of " + std::to_string(bytes) + " bytes from rank " + std::to_string(source));
  const int code = MPI_Recv(scratch_.data(), bytes, MPI_BYTE, source, first_message_tag, comm_, MPI_STATUS_IGNORE);
  if (mpi::says_rank_lost(code)) return;  // the next probe tells
  mpi::check(code, "MPI_Recv");
  auto message = std::make_unique<Incoming>();
  MessageHeader& header = message->header;
  std::memcpy(&header, scratch_.data(), sizeof(MessageHeader));
  expect(header.magic == MessageHeader{}.magic && header.port < Port::count && header.chunk_bytes > 0,
         "damaged message header from rank " + std::to_string(source));
  if (header.kind == MessageKind::goodbye) {
    goodbyes_.insert(source);
    return;
  }
  Envelope& envelope = message->envelope;
  envelope.source = source;
  envelope.port = header.port;
  envelope.type = header.type;
  const std::byte* place = scratch_.data() + sizeof(MessageHeader);
  if (body_rides_along(header)) {
    envelope.body.assign(place, place + header.body_bytes);
    place += header.body_bytes;
  }
  if (payload_rides_along(header)) envelope.payload.assign(place, place + header.payload_bytes);
  inbox_.reserve(bytes_of(envelope));
  const LaneKey key{source, header.port};
  Lane& lane = lanes_[key];
  message->allocated = chunked_bytes(*message) == 0;
  if (message->allocated && lane.messages.empty()) return inbox_.deliver(std::move(envelope));
  if (lane.messages.empty()) ++busy_;
  lane.key = key;
  lane.messages.push_back(std::move(message));  // pump() of this pass posts its receives
}

std::size_t ReceiveLanes::chunked_bytes(const Incoming& message) {
  return (body_rides_along(message.header) ? 0 : message.header.body_bytes) +
         (payload_rides_along(message.header) ? 0 : message.header.payload_bytes);
}

void ReceiveLanes::allocate(Incoming& message) {
  inbox_.reserve(chunked_bytes(message));
  message.envelope.body.resize(message.header.body_bytes);
  message.envelope.payload.resize(message.header.payload_bytes);
  message.chunks = Chunks(message.header, message.envelope.body, message.envelope.payload);
  message.allocated = true;
}

bool ReceiveLanes::pump(Lane& lane) {
  bool posted = false;
  for (const auto& message : lane.messages) {
    if (message->complete()) continue;
    if (lane.in_flight >= chunk_window || lane.lost) break;
    if (!message->allocated) {
      if (inbox_.full()) break;
      allocate(*message);
    }
    while (lane.in_flight < chunk_window && !message->chunks.empty()) {
      const auto bytes = message->chunks.next();
      MPI_Request request = MPI_REQUEST_NULL;
      const int code = MPI_Irecv(bytes.data(), static_cast<int>(bytes.size()), MPI_BYTE, lane.key.first,
                                 chunk_tag(lane.key.second), comm_, &request);
      if (mpi::says_rank_lost(code)) return posted;
      mpi::check(code, "MPI_Irecv");
      ++message->open;
      ++lane.in_flight;
      requests_.add(request, *this, message.get(), 0);
      posted = true;
    }
  }
  return posted;
}

void ReceiveLanes::completed(void* item, int, bool ok) {
  Incoming& message = *static_cast<Incoming*>(item);
  --message.open;
  message.broken |= !ok;
  Lane& lane = lanes_[{message.envelope.source, message.header.port}];
  --lane.in_flight;
  pump(lane);
  deliver_ready(lane);
}

void ReceiveLanes::deliver_ready(Lane& lane) {
  if (lane.messages.empty()) return;
  while (!lane.messages.empty() && lane.messages.front()->complete() && !lane.messages.front()->broken) {
    inbox_.deliver(std::move(lane.messages.front()->envelope));
    lane.messages.pop_front();
  }
  // What the dead rank did not finish is forgotten once MPI has let go of its buffers.
  while (lane.lost && !lane.messages.empty() && lane.messages.front()->open == 0) {
    const Incoming& message = *lane.messages.front();
    inbox_.release(bytes_of(message.envelope));
    lane.messages.pop_front();
  }
  if (lane.messages.empty()) --busy_;
}

void ReceiveLanes::drop(int rank) {
  for (auto& [key, lane] : lanes_) {
    if (key.first != rank) continue;
    lane.lost = true;
    deliver_ready(lane);
  }
  goodbyes_.insert(rank);
}

}  // namespace clawrl
