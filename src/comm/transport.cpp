#include "comm/transport.hpp"

namespace clawrl {

Transport::Transport(Communicator communicator, Inbox& inbox, Outbox& outbox)
    : communicator_(std::move(communicator)),
      sends_(communicator_, outbox, requests_),
      receives_(communicator_, inbox, requests_) {}

bool Transport::advance() {
  bool saw_loss = false;
  bool worked = sends_.start_posted();
  if (size() > 1) worked |= receives_.advance(saw_loss);
  worked |= requests_.poll(saw_loss);
  if (saw_loss) acknowledge_lost();
  return worked;
}

void Transport::acknowledge_lost() {
  for (int rank : mpi::acknowledge_lost(mpi::raw(communicator_))) {
    if (!lost_.insert(rank).second) continue;
    newly_lost_.push_back(rank);
    sends_.drop(rank);
    receives_.drop(rank);
  }
}

bool Transport::close() {
  if (!said_goodbye_) {
    if (!sends_.idle()) return false;
    said_goodbye_ = true;
    for (int peer = 0; peer < size(); ++peer) {
      if (peer != rank() && !lost_.contains(peer)) sends_.say_goodbye(peer);
    }
  }
  return sends_.idle() && !receives_.bulk() && static_cast<int>(receives_.goodbyes().size()) == size() - 1;
}

std::string Transport::missing_goodbyes() const {
  std::string ranks;
  for (int peer = 0; peer < size(); ++peer) {
    if (peer == rank() || receives_.goodbyes().contains(peer)) continue;
    ranks += (ranks.empty() ? "" : ", ") + std::to_string(peer);
  }
  return ranks.empty() ? "none" : ranks;
}

}  // namespace clawrl
