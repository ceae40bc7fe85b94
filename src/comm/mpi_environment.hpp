#pragma once
// Starts and stops MPI: one object in main, living longer than every communicator and mailbox.

#include <exception>
#include <memory>
#include <string>

namespace clawrl {

class Collectives;

class MpiEnvironment {
 public:
  /// Starts MPI with thread level multiple (collectives and the mailbox use it from different threads) and turns error
  /// codes into exceptions. Throws UserError when the library offers less.
  MpiEnvironment(int& argc, char**& argv);
  /// Finalizes, except while an exception unwinds the stack: the other ranks may be inside a call that this rank will
  /// never join, and finalizing would wait for them. main() catches and calls fail() instead. A finalize that takes a
  /// minute ends the process with exit code 1 and a line.
  ~MpiEnvironment();
  MpiEnvironment(const MpiEnvironment&) = delete;
  MpiEnvironment& operator=(const MpiEnvironment&) = delete;

  int rank() const { return rank_; }
  int size() const { return size_; }

  /// Compiled in: the MPI library can report a dead rank. Active: this job was started so (mpirun --with-ft ulfm).
  static bool ulfm_built();
  bool ulfm_active() const { return ulfm_active_; }

  /// "Open MPI v5.0.11, thread multiple, ULFM built in but not active: a dead rank ends the job"
  std::string describe() const;

  /// Ends the whole job with exit code 1 after one line "clawrl: rank 3 (rollout): <cause>". For main() only.
  [[noreturn]] void fail(const std::string& role, const std::string& cause) const noexcept;

  /// Runs the body of a job and returns its exit code; an exception ends the whole job through fail().
  template <class Body>
  int guard(const std::string& role, Body&& body) const noexcept {
    try {
      return body();
    } catch (const std::exception& error) {
      fail(role, error.what());
    } catch (...) {
      fail(role, "an exception that is no std::exception");
    }
  }

  /// Collectives over all ranks (local ones where there is just one). Collective.
  std::unique_ptr<Collectives> world_collectives() const;

 private:
  int rank_ = 0;
  int size_ = 1;
  int exceptions_ = 0;  // in flight when this object was made
  bool ulfm_active_ = false;
};

}  // namespace clawrl
