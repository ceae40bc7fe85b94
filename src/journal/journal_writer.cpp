#include "journal/journal_writer.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "core/error.hpp"
#include "journal/query.hpp"
#include "journal/schema.hpp"

namespace clawrl {
namespace {

constexpr std::size_t queue_bytes = std::size_t{256} << 20;
constexpr std::chrono::milliseconds wait_limit{30000};
constexpr int log_busy_ms = 200;

}  // namespace

/// Held for the life of the object and let go by the kernel when the process dies. The file itself stays: removing it
/// would let two processes lock two files of one name.
class JournalWriter::Lock {
 public:
  explicit Lock(const std::string& journal) {
    const std::string path = journal + ".lock";
    file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    require(file_ >= 0, "journal " + journal + ": cannot write its lock file: " + std::strerror(errno));
    if (::flock(file_, LOCK_EX | LOCK_NB) == 0) return;
    const int error = errno;
    ::close(file_);
    throw UserError("journal " + journal + ": " +
                    (error == EWOULDBLOCK ? "is in use by another run; one process at a time may write it"
                                          : std::string("cannot be locked: ") + std::strerror(error)));
  }
  ~Lock() { ::close(file_); }

 private:
  int file_ = -1;
};

JournalWriter::JournalWriter(const std::string& path, AfterFailure after_failure)
    : path_(path),
      drops_(after_failure == AfterFailure::drops),
      lock_(std::make_unique<Lock>(path)),
      database_(journal::open_for_writing(path)) {
  thread_ = std::thread([this] { run(); });
}

JournalWriter::~JournalWriter() {
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void JournalWriter::throw_if_failed() const {
  if (!failure_.empty()) throw UserError(failure_);
}

void JournalWriter::submit(Operation operation, std::size_t bytes, Done done) {
  std::unique_lock lock(mutex_);
  const auto has_room = [&] { return !failure_.empty() || queue_.empty() || queued_bytes_ + bytes <= queue_bytes; };
  if (!on_writer_thread() && !progress_.wait_for(lock, wait_limit, has_room)) {
    const std::string why = "journal " + path_ + ": the disk does not keep up, its queue stayed full for 30 s";
    if (!drops_) throw UserError(why);
    std::deque<Entry> none;
    lock.unlock();
    fail(none, why);
    lock.lock();
  }
  if (drops_ && failed_) {
    const auto refused = std::make_exception_ptr(UserError(failure_));
    lock.unlock();
    if (done) done(refused);
    return;
  }
  throw_if_failed();
  queue_.push_back({std::move(operation), std::move(done), bytes, nullptr});
  queued_bytes_ += bytes;
  ++submitted_;
  lock.unlock();
  wake_.notify_one();
}

void JournalWriter::truncate_log(std::function<void(bool)> done) {
  submit([](SQLite::Database&) {}, 0,
         [this, done = std::move(done)](std::exception_ptr failure) { done(!failure && truncate()); });
}

/// On the writer thread, between two transactions.
bool JournalWriter::truncate() {
  try {
    database_->setBusyTimeout(log_busy_ms);
    journal::Query result(*database_, "PRAGMA wal_checkpoint(TRUNCATE)");
    const bool cut = result.next() && result.integer(0) == 0;
    result.reset();
    database_->setBusyTimeout(journal::busy_ms);
    return cut;
  } catch (const std::exception&) {
    database_->setBusyTimeout(journal::busy_ms);
    return false;
  }
}

bool JournalWriter::sync(std::chrono::milliseconds limit) {
  expect(!on_writer_thread(), "journal: sync() inside a callback would wait for itself");
  std::unique_lock lock(mutex_);
  const std::uint64_t target = submitted_;
  const bool settled = progress_.wait_for(lock, limit, [&] { return !failure_.empty() || committed_ >= target; });
  if (drops_ && failed_) return false;
  throw_if_failed();
  return settled;
}

void JournalWriter::settle() {
  if (on_writer_thread()) return;
  require(sync(wait_limit) || (drops_ && failed_), "journal " + path_ + ": a commit took longer than 30 s");
}

std::string JournalWriter::failure() const {
  const std::lock_guard guard(mutex_);
  return failure_;
}

void JournalWriter::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    std::deque<Entry> batch;
    batch.swap(queue_);
    queued_bytes_ = 0;
    lock.unlock();
    try {
      commit(batch);
      lock.lock();
      committed_ += batch.size();
      lock.unlock();
      progress_.notify_all();
      for (auto& entry : batch) {
        const Done done = std::exchange(entry.done, {});
        if (done) done(entry.refused);
      }
    } catch (const std::exception& error) {
      fail(batch, "journal " + path_ + ": failed, nothing is recorded any more: " + error.what());
    }
    lock.lock();
  }
}

void JournalWriter::commit(std::deque<Entry>& batch) {
  journal::Transaction transaction(*database_, journal::Transaction::Kind::write);
  for (auto& entry : batch) {
    try {
      entry.operation(*database_);
    } catch (const InternalError&) {
      if (!entry.done) throw;
      entry.refused = std::current_exception();
    }
    entry.operation = {};  // its bytes are in SQLite's hands now
  }
  journal::execute(*database_, "UPDATE counters SET value = value + ? WHERE name = 'watermark'",
                   static_cast<std::int64_t>(batch.size()));
  transaction.commit();
}

void JournalWriter::fail(std::deque<Entry>& batch, const std::string& why) {
  std::deque<Entry> rest;
  {
    const std::lock_guard guard(mutex_);
    if (failure_.empty()) failure_ = why;
    failed_ = true;
    rest.swap(queue_);
    queued_bytes_ = 0;
  }
  progress_.notify_all();
  for (auto* entries : {&batch, &rest})
    for (auto& entry : *entries) {
      const Done done = std::exchange(entry.done, {});  // empty where it was called before the failure
      if (done) done(std::make_exception_ptr(UserError(why)));
    }
}

}  // namespace clawrl
