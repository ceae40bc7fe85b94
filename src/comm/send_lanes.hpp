#pragma once
// The sending half of the mailbox's transport. Used by the thread that drives MPI only.
//
//   peer 3:  first messages, in order, at most `first_window` not yet taken in by the receiver
//            lane of port weights:  [chunk][chunk] | chunk chunk ...      at most `chunk_window` in flight per lane
//            lane of port trainer:  [chunk] ...
//
// All are synchronous sends: they complete when the receiver has taken them, so a slow receiver is felt in the bounded
// outbox and never piles up bytes inside MPI.

#include <deque>
#include <list>
#include <map>
#include <utility>

#include "comm/outbox.hpp"
#include "comm/request_table.hpp"

namespace clawrl {

inline constexpr int first_window = 64;
inline constexpr int chunk_window = 2;

class SendLanes final : public RequestOwner {
 public:
  SendLanes(const Communicator& communicator, Outbox& outbox, RequestTable& requests);

  bool start_posted();         // takes what waits in the outbox; true when there was something
  void say_goodbye(int rank);  // the last message to that rank
  void drop(int rank);         // it died: what waits for it is dropped, later messages too
  bool idle() const { return started_.empty(); }
  bool bulk() const { return busy_ > 0; }
  void completed(void* item, int kind, bool ok) override;

 private:
  enum Kind { first, chunk };
  struct Peer {
    std::deque<Outgoing*> waiting;
    int first_in_flight = 0;
    bool lost = false;
  };
  struct Lane {
    std::deque<Outgoing*> bulk;  // with chunks that MPI has not got yet
    int in_flight = 0;
    bool busy = false;
  };
  using LaneKey = std::pair<int, Port>;

  void start(std::list<Outgoing>::iterator message);
  void launch(Outgoing& message);
  void give_up(Outgoing& message);
  void pump(const LaneKey& key, Lane& lane);
  void set_busy(Lane& lane);
  void finish_if_done(Outgoing& message);

  MPI_Comm comm_;
  Outbox& outbox_;
  RequestTable& requests_;
  std::vector<Peer> peers_;
  std::map<LaneKey, Lane> lanes_;
  int busy_ = 0;  // lanes with something in flight or to send
  std::list<Outgoing> started_;
};

}  // namespace clawrl
