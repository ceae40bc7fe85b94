#include "comm/send_lanes.hpp"

namespace clawrl {
namespace {

Buffer first_message(const Outgoing& message) {
  const std::size_t body = body_rides_along(message.header) ? message.body.size() : 0;
  const std::size_t payload = payload_rides_along(message.header) ? message.payload.size() : 0;
  Buffer bytes(sizeof(MessageHeader) + body + payload);
  std::memcpy(bytes.data(), &message.header, sizeof(MessageHeader));
  if (body > 0) std::memcpy(bytes.data() + sizeof(MessageHeader), message.body.data(), body);
  if (payload > 0) std::memcpy(bytes.data() + sizeof(MessageHeader) + body, message.payload.data(), payload);
  return bytes;
}

}  // namespace

SendLanes::SendLanes(const Communicator& communicator, Outbox& outbox, RequestTable& requests)
    : comm_(mpi::raw(communicator)),
      outbox_(outbox),
      requests_(requests),
      peers_(static_cast<std::size_t>(communicator.size())) {}

bool SendLanes::start_posted() {
  if (!outbox_.pending()) return false;
  std::list<Outgoing> posted = outbox_.take();
  while (!posted.empty()) {
    started_.splice(started_.end(), posted, posted.begin());
    start(std::prev(started_.end()));
  }
  return true;
}

void SendLanes::say_goodbye(int rank) {
  Outgoing message;
  message.destination = rank;
  message.header.kind = MessageKind::goodbye;
  started_.push_back(std::move(message));
  start(std::prev(started_.end()));
}

void SendLanes::start(std::list<Outgoing>::iterator message) {
  message->self = message;
  Peer& peer = peers_[static_cast<std::size_t>(message->destination)];
  if (peer.lost) return give_up(*message);
  if (peer.first_in_flight >= first_window) return peer.waiting.push_back(&*message);
  launch(*message);
}

void SendLanes::launch(Outgoing& message) {
  MPI_Request request = MPI_REQUEST_NULL;
  message.first = first_message(message);
  message.chunks = Chunks(message.header, message.body, message.payload);
  const int code = MPI_Issend(message.first.data(), static_cast<int>(message.first.size()), MPI_BYTE,
                              message.destination, first_message_tag, comm_, &request);
  if (mpi::says_rank_lost(code)) return give_up(message);
  mpi::check(code, "MPI_Issend");
  ++message.open;
  ++peers_[static_cast<std::size_t>(message.destination)].first_in_flight;
  requests_.add(request, *this, &message, first);
  if (message.chunks.empty()) return;
  const LaneKey key{message.destination, message.header.port};
  Lane& lane = lanes_[key];
  lane.bulk.push_back(&message);
  pump(key, lane);
}

void SendLanes::set_busy(Lane& lane) {
  const bool busy = lane.in_flight > 0 || !lane.bulk.empty();
  busy_ += static_cast<int>(busy) - static_cast<int>(lane.busy);
  lane.busy = busy;
}

void SendLanes::pump(const LaneKey& key, Lane& lane) {
  while (lane.in_flight < chunk_window && !lane.bulk.empty()) {
    Outgoing& message = *lane.bulk.front();
    const auto bytes = message.chunks.next();
    if (message.chunks.empty()) lane.bulk.pop_front();
    MPI_Request request = MPI_REQUEST_NULL;
    const int code = MPI_Issend(bytes.data(), static_cast<int>(bytes.size()), MPI_BYTE, key.first,
                                chunk_tag(key.second), comm_, &request);
    if (mpi::says_rank_lost(code)) break;  // drop() follows: the first message's request fails or Iprobe tells
    mpi::check(code, "MPI_Issend");
    ++lane.in_flight;
    ++message.open;
    requests_.add(request, *this, &message, chunk);
  }
  set_busy(lane);
}

void SendLanes::completed(void* item, int kind, bool ok) {
  Outgoing& message = *static_cast<Outgoing*>(item);
  const LaneKey key{message.destination, message.header.port};
  --message.open;
  message.dropped |= !ok;
  if (kind == first) {
    Peer& peer = peers_[static_cast<std::size_t>(message.destination)];
    --peer.first_in_flight;
    finish_if_done(message);
    if (!peer.waiting.empty() && peer.first_in_flight < first_window) {
      Outgoing& next = *peer.waiting.front();
      peer.waiting.pop_front();
      launch(next);
    }
    return;
  }
  Lane& lane = lanes_[key];
  --lane.in_flight;
  finish_if_done(message);
  pump(key, lane);
}

void SendLanes::drop(int rank) {
  Peer& peer = peers_[static_cast<std::size_t>(rank)];
  if (std::exchange(peer.lost, true)) return;
  std::vector<Outgoing*> unsent(peer.waiting.begin(), peer.waiting.end());
  peer.waiting.clear();
  for (auto& [key, lane] : lanes_) {
    if (key.first != rank) continue;
    unsent.insert(unsent.end(), lane.bulk.begin(), lane.bulk.end());
    lane.bulk.clear();
    set_busy(lane);
  }
  for (Outgoing* message : unsent) give_up(*message);
}

void SendLanes::give_up(Outgoing& message) {
  message.chunks = {};
  message.dropped = true;
  finish_if_done(message);
}

void SendLanes::finish_if_done(Outgoing& message) {
  if (message.open > 0 || !message.chunks.empty()) return;
  if (message.header.kind == MessageKind::data) outbox_.complete(message.cost, message.dropped);
  started_.erase(message.self);
}

}  // namespace clawrl
