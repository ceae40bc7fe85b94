#pragma once
// The receiving half of the mailbox's transport. Used by the thread that drives MPI only. A lane per (source, port)
// keeps the order: a small message waits behind an earlier large one of its own lane and behind nothing else.

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "comm/inbox.hpp"
#include "comm/outgoing.hpp"
#include "comm/request_table.hpp"

namespace clawrl {

class ReceiveLanes final : public RequestOwner {
 public:
  ReceiveLanes(const Communicator& communicator, Inbox& inbox, RequestTable& requests);

  /// Takes the first messages that have arrived, and posts receives for chunks; true when there was something.
  /// `saw_loss` is set when MPI wants a death to be acknowledged first.
  bool advance(bool& saw_loss);
  void drop(int rank);  // it died: its unfinished messages are forgotten
  const std::set<int>& goodbyes() const { return goodbyes_; }
  bool bulk() const { return busy_ > 0; }
  void completed(void* item, int kind, bool ok) override;

 private:
  struct Incoming {
    MessageHeader header;
    Envelope envelope;
    Chunks chunks;           // receives not yet posted
    bool allocated = false;  // buffers are made when the message's turn comes
    bool broken = false;     // its sender died
    int open = 0;            // receives in flight
    bool complete() const { return allocated && open == 0 && chunks.empty(); }
  };
  using LaneKey = std::pair<int, Port>;
  struct Lane {
    LaneKey key;
    std::deque<std::unique_ptr<Incoming>> messages;
    int in_flight = 0;
    bool lost = false;
  };

  void take_first(int source, int bytes);
  void allocate(Incoming& message);
  bool pump(Lane& lane);  // true when a receive was posted
  void deliver_ready(Lane& lane);
  static std::size_t chunked_bytes(const Incoming& message);

  MPI_Comm comm_;
  Inbox& inbox_;
  RequestTable& requests_;
  Buffer scratch_;
  std::map<LaneKey, Lane> lanes_;
  int busy_ = 0;  // lanes with an unfinished message
  std::set<int> goodbyes_;
};

}  // namespace clawrl
