#pragma once
// Everything of the mailbox that calls MPI after construction. Not thread-safe: see progress.hpp.

#include <set>
#include <string>
#include <vector>

#include "comm/receive_lanes.hpp"
#include "comm/send_lanes.hpp"

namespace clawrl {

class Transport {
 public:
  Transport(Communicator communicator, Inbox& inbox, Outbox& outbox);

  /// One pass over all duties; true when something happened.
  bool advance();
  /// Hands over what was posted, receives nothing.
  void send_posted() { sends_.start_posted(); }
  /// Chunks are moving in either direction: worth polling eagerly.
  bool bulk() const { return sends_.bulk() || receives_.bulk(); }
  /// Ranks that died since the last call.
  std::vector<int> take_lost() { return std::exchange(newly_lost_, {}); }

  /// Part of the closing handshake, to be called until it returns true: goodbyes go out when all sends are complete,
  /// and this rank is done when every living rank's goodbye is here and its own are taken.
  bool close();
  std::string missing_goodbyes() const;
  int rank() const { return communicator_.rank(); }
  int size() const { return communicator_.size(); }

 private:
  void acknowledge_lost();

  Communicator communicator_;
  RequestTable requests_;
  SendLanes sends_;
  ReceiveLanes receives_;
  std::set<int> lost_;
  std::vector<int> newly_lost_;
  bool said_goodbye_ = false;
};

}  // namespace clawrl
