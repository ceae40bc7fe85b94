#pragma once
// Who drives MPI, and when. One flag says that somebody does; three kinds of threads compete for it:
//
//   progress thread   always comes back: soon after something happened, at most every idle_max when nothing does
//   receive()         polls eagerly for `spin` while there is traffic, so that a message needs no thread switch
//   post()            hands its message over at once when nobody drives
//
// Whoever leaves looks once more for messages posted meanwhile, so a sender that finds MPI driven needs to do nothing.

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <thread>

#include "comm/sleeper.hpp"
#include "comm/transport.hpp"

namespace clawrl {

class Progress {
 public:
  using Clock = std::chrono::steady_clock;

  Progress(Communicator communicator, const MailboxSettings& settings, Inbox& inbox, Outbox& outbox);
  ~Progress();  // closes with the handshake, unless the mailbox has failed or an exception unwinds the stack

  /// A message of so many bytes was put into the outbox.
  void posted(std::size_t bytes);
  /// Polls until the port has a message, traffic pauses for `spin`, or the deadline.
  void spin(Port port, Clock::time_point deadline);
  /// The progress thread has something to do.
  void wake() { sleeper_.wake(); }
  void on_rank_lost(std::function<void(int)> handler);
  bool on_progress_thread() const { return std::this_thread::get_id() == thread_.get_id(); }
  void fail(const std::exception& cause) noexcept;

 private:
  template <class Step>
  bool drive(Step&& step);  // runs step(transport) if nobody drives; true when it reports work
  bool poll();
  bool tell_lost();
  void run();
  bool serve();  // the progress thread's duties once; true when something happened
  std::chrono::microseconds next_sleep(bool worked);
  bool recent(std::chrono::microseconds span) const;
  void try_close();

  const MailboxSettings settings_;
  const int rank_;
  const int exceptions_;
  Inbox& inbox_;
  Outbox& outbox_;
  std::unique_ptr<Transport> transport_;
  Sleeper sleeper_;
  std::chrono::microseconds interval_;  // progress thread's

  std::atomic<bool> driven_{false};
  std::atomic<bool> failed_{false};
  std::atomic<bool> bulk_{false};
  std::atomic<int> spinning_{0};
  std::atomic<Clock::rep> last_event_{0};
  std::atomic<bool> closing_{false}, closed_{false}, stop_{false};
  std::atomic<bool> idle_sleep_{false};  // the progress thread sleeps because there was nothing to do

  std::mutex lost_mutex_;
  std::vector<int> untold_;
  std::function<void(int)> lost_handler_;
  std::thread thread_;
};

}  // namespace clawrl
