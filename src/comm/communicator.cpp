#include "comm/communicator.hpp"

#include <algorithm>
#include <numeric>
#include <set>
#include <string>

#include "comm/mpi_support.hpp"
#include "core/error.hpp"

namespace clawrl {

Communicator::Communicator(std::shared_ptr<const Handle> handle) : handle_(std::move(handle)) {
  mpi::check(MPI_Comm_set_errhandler(handle_->comm, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  mpi::check(MPI_Comm_rank(handle_->comm, &rank_), "MPI_Comm_rank");
  mpi::check(MPI_Comm_size(handle_->comm, &size_), "MPI_Comm_size");
}

Communicator Communicator::borrow_world() {
  int started = 0;
  MPI_Initialized(&started);
  require(started != 0, "MPI is not running: make an MpiEnvironment first");
  return Communicator(std::make_shared<const Handle>(MPI_COMM_WORLD, false));
}

Communicator Communicator::own_duplicate(const Communicator& source) {
  MPI_Comm copy = MPI_COMM_NULL;
  mpi::check(MPI_Comm_dup(mpi::raw(source), &copy), "MPI_Comm_dup");
  return Communicator(std::make_shared<const Handle>(copy, true));
}

Communicator Communicator::own_subset(const std::vector<int>& world_ranks) {
  const Communicator world = borrow_world();
  const std::set<int> unique(world_ranks.begin(), world_ranks.end());
  require(!world_ranks.empty() && unique.size() == world_ranks.size() && *unique.begin() >= 0 &&
              *unique.rbegin() < world.size(),
          "a group needs different ranks of 0.." + std::to_string(world.size() - 1));
  require(unique.contains(world.rank()),
          "rank " + std::to_string(world.rank()) + " makes a communicator that it is not part of");
  MPI_Group all = MPI_GROUP_NULL, some = MPI_GROUP_NULL;
  MPI_Comm comm = MPI_COMM_NULL;
  mpi::check(MPI_Comm_group(MPI_COMM_WORLD, &all), "MPI_Comm_group");
  mpi::check(MPI_Group_incl(all, static_cast<int>(world_ranks.size()), world_ranks.data(), &some), "MPI_Group_incl");
  const int tag = world_ranks.front();  // groups that are made at the same time differ in their first rank
  const int code = MPI_Comm_create_group(MPI_COMM_WORLD, some, tag, &comm);
  MPI_Group_free(&some);
  MPI_Group_free(&all);
  mpi::check(code, "MPI_Comm_create_group");
  return Communicator(std::make_shared<const Handle>(comm, true));
}

}  // namespace clawrl
