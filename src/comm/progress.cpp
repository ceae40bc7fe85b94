#include "comm/progress.hpp"

#include <pthread.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>

#include "core/error.hpp"

namespace clawrl {
namespace {

using std::chrono::microseconds;
constexpr microseconds shortest_sleep(50);
constexpr microseconds deferring_sleep(200);  // while a thread inside receive() drives
constexpr microseconds traffic_span(1000);    // traffic younger than this is worth eager polling
constexpr int polite_spins = 5;               // then yielding, long enough to outlast a thread switch on both sides
constexpr std::size_t large_message = std::size_t{256} << 10;  // worth a thread switch, so that it keeps moving

}  // namespace

Progress::Progress(Communicator communicator, const MailboxSettings& settings, Inbox& inbox, Outbox& outbox)
    : settings_(settings),
      rank_(communicator.rank()),
      exceptions_(std::uncaught_exceptions()),
      inbox_(inbox),
      outbox_(outbox),
      transport_(std::make_unique<Transport>(std::move(communicator), inbox, outbox)),
      interval_(shortest_sleep) {
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "clawrl-mailbox");
}

Progress::~Progress() {
  if (!failed_ && std::uncaught_exceptions() == exceptions_) {
    inbox_.lift_limit();
    closing_ = true;
    const auto deadline = Clock::now() + settings_.close_limit;
    sleeper_.wake();
    while (!closed_ && !failed_ && Clock::now() < deadline) std::this_thread::sleep_for(microseconds(200));
  }
  stop_ = true;
  sleeper_.wake();
  thread_.join();
  if (closed_) return;
  if (closing_ && !failed_) {
    std::fprintf(stderr, "clawrl: rank %d: mailbox closed after %lld s without goodbye of rank %s\n", rank_,
                 static_cast<long long>(settings_.close_limit.count()), transport_->missing_goodbyes().c_str());
  }
  [[maybe_unused]] auto* kept = transport_.release();  // MPI may still write into its buffers: never freed
}

template <class Step>
bool Progress::drive(Step&& step) {
  bool worked = false;
  do {
    if (failed_ || driven_.exchange(true)) return worked;
    try {
      worked |= step(*transport_);
      if (auto lost = transport_->take_lost(); !lost.empty()) {
        const std::lock_guard lock(lost_mutex_);
        untold_.insert(untold_.end(), lost.begin(), lost.end());
        sleeper_.wake();
      }
      bulk_ = transport_->bulk();
    } catch (const std::exception& error) {
      fail(error);
    }
    driven_.store(false);
  } while (outbox_.pending());
  if (worked) last_event_ = Clock::now().time_since_epoch().count();
  return worked;
}

bool Progress::poll() {
  return drive([](Transport& transport) { return transport.advance(); });
}

void Progress::posted(std::size_t bytes) {
  last_event_ = Clock::now().time_since_epoch().count();
  drive([](Transport& transport) { return transport.send_posted(), false; });
  if (bytes > large_message || idle_sleep_) sleeper_.wake();
}

void Progress::spin(Port port, Clock::time_point deadline) {
  bool worked = poll();
  if (inbox_.handler_waits()) sleeper_.wake();
  if (!worked && !bulk_ && !recent(traffic_span)) return;
  ++spinning_;
  auto last = Clock::now();
  for (auto now = last; !inbox_.ready(port) && now < deadline; now = Clock::now()) {
    worked = poll();
    if (worked) last = now;
    if (worked && inbox_.handler_waits()) sleeper_.wake();
    if (now - last <= (bulk_ ? 4 : 1) * settings_.spin) continue;
    if (now - last > (bulk_ ? traffic_span : polite_spins * settings_.spin)) break;
    std::this_thread::yield();
  }
  --spinning_;
  if (!inbox_.ready(port)) sleeper_.wake();  // takes over from here
}

bool Progress::recent(microseconds span) const {
  return Clock::now().time_since_epoch() - Clock::duration(last_event_.load()) < span;
}

void Progress::on_rank_lost(std::function<void(int)> handler) {
  const std::lock_guard lock(lost_mutex_);
  lost_handler_ = std::move(handler);
  sleeper_.wake();
}

bool Progress::tell_lost() {
  std::vector<int> ranks;
  std::function<void(int)> handler;
  {
    const std::lock_guard lock(lost_mutex_);
    if (!lost_handler_ || untold_.empty()) return false;
    ranks.swap(untold_);
    handler = lost_handler_;
  }
  for (int rank : ranks) handler(rank);
  return true;
}

void Progress::fail(const std::exception& cause) noexcept {
  const std::string what = "mailbox of rank " + std::to_string(rank_) + " stopped: " + cause.what();
  std::exception_ptr error;
  if (const auto* mpi = dynamic_cast<const MpiError*>(&cause)) {
    error = std::make_exception_ptr(MpiError(what, mpi->code));
  } else if (dynamic_cast<const UserError*>(&cause) != nullptr) {
    error = std::make_exception_ptr(UserError(what));
  } else {
    error = std::make_exception_ptr(InternalError(what));
  }
  if (failed_.exchange(true)) return;
  std::fprintf(stderr, "clawrl: %s\n", what.c_str());
  outbox_.fail(error);
  inbox_.fail(error);
}

bool Progress::serve() {
  try {
    bool worked = poll() || poll();  // MPI_Iprobe looks before it makes progress, so after a sleep one is not enough
    worked |= inbox_.run_handlers();
    worked |= tell_lost();
    if (closing_) try_close();
    return worked;
  } catch (const std::exception& error) {
    fail(error);
    return false;
  }
}

void Progress::try_close() {
  drive([this](Transport& transport) {
    if (transport.close()) closed_ = true;
    return false;
  });
}

microseconds Progress::next_sleep(bool worked) {
  if (spinning_ > 0) return deferring_sleep;
  interval_ = worked || recent(shortest_sleep) ? shortest_sleep : std::min(2 * interval_, settings_.idle_max);
  return closing_ ? std::min(interval_, microseconds(200)) : interval_;
}

void Progress::run() {
  while (!stop_ && !closed_) {
    const bool worked = serve();
    if (spinning_ == 0 && (worked || (bulk_ && recent(traffic_span)))) {
      std::this_thread::yield();
      continue;
    }
    const microseconds time = next_sleep(worked);
    idle_sleep_ = spinning_ == 0 && time > deferring_sleep;
    sleeper_.sleep_for(time);
    if (idle_sleep_.exchange(false) && recent(traffic_span)) interval_ = shortest_sleep;
  }
}

}  // namespace clawrl
