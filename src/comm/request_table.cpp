#include "comm/request_table.hpp"

#include <algorithm>
#include <functional>

namespace clawrl {

void RequestTable::add(MPI_Request request, RequestOwner& owner, void* item, int kind) {
  requests_.push_back(request);
  slots_.push_back({&owner, item, kind, true});
}

void RequestTable::remove(int index) {
  const auto place = static_cast<std::size_t>(index);
  requests_[place] = requests_.back();
  slots_[place] = slots_.back();
  requests_.pop_back();
  slots_.pop_back();
}

bool RequestTable::poll(bool& saw_loss) {
  if (requests_.empty()) return false;
  done_.resize(requests_.size());
  statuses_.resize(requests_.size());
  int count = 0;
  const int code =
      MPI_Testsome(static_cast<int>(requests_.size()), requests_.data(), &count, done_.data(), statuses_.data());
  if (code != MPI_SUCCESS && code != MPI_ERR_IN_STATUS) {
    if (!mpi::says_rank_lost(code)) mpi::throw_error(code, "MPI_Testsome");
    saw_loss = true;
  }
  if (count == MPI_UNDEFINED || count <= 0) return false;
  for (int i = 0; i < count && code == MPI_ERR_IN_STATUS; ++i) {
    const int error = statuses_[static_cast<std::size_t>(i)].MPI_ERROR;
    if (error == MPI_SUCCESS) continue;
    if (!mpi::says_rank_lost(error)) mpi::throw_error(error, "MPI_Issend or MPI_Irecv");
    slots_[static_cast<std::size_t>(done_[static_cast<std::size_t>(i)])].ok = false;
    saw_loss = true;
  }
  done_.resize(static_cast<std::size_t>(count));
  finished_.clear();
  for (int index : done_) finished_.push_back(slots_[static_cast<std::size_t>(index)]);
  std::ranges::sort(done_, std::greater{});  // so that the last one, which fills the gap, is never a finished one
  for (int index : done_) remove(index);
  for (const Slot& slot : finished_) slot.owner->completed(slot.item, slot.kind, slot.ok);
  return true;
}

}  // namespace clawrl
