#pragma once
// The one thread that writes a journal: takes everything queued, one transaction, one fsync. Internal to journal/.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "journal/journal.hpp"

namespace SQLite {
class Database;
}

namespace clawrl {

class JournalWriter {
 public:
  /// Runs inside the batch's transaction. May throw InternalError before it has written anything: with a `done`, only
  /// this operation is refused; without one, the journal fails, since nobody else would hear of it.
  using Operation = std::function<void(SQLite::Database&)>;
  using Done = std::function<void(std::exception_ptr)>;

  /// Takes the lock file, opens or creates the journal and starts the thread.
  JournalWriter(const std::string& path, AfterFailure after_failure);
  ~JournalWriter();
  JournalWriter(const JournalWriter&) = delete;
  JournalWriter& operator=(const JournalWriter&) = delete;

  const std::string& path() const { return path_; }
  /// `bytes` held by the operation count against the bound of the queue.
  void submit(Operation operation, std::size_t bytes = 0, Done done = {});
  /// After the next commit the log is copied into the file and cut to nothing. Waits shortly for readers: false = one
  /// of them still needs the log, or the journal has failed.
  void truncate_log(std::function<void(bool)> done);
  bool sync(std::chrono::milliseconds limit);
  /// sync() with the default limit, UserError when it passes; nothing on the writer thread itself.
  void settle();
  bool failed() const { return failed_; }
  std::string failure() const;

 private:
  struct Entry {
    Operation operation;
    Done done;
    std::size_t bytes = 0;
    std::exception_ptr refused;
  };
  class Lock;  // of <path>.lock

  void run();
  void commit(std::deque<Entry>& batch);
  bool truncate();
  void fail(std::deque<Entry>& batch, const std::string& why);
  void throw_if_failed() const;  // with mutex_ held
  bool on_writer_thread() const { return std::this_thread::get_id() == thread_.get_id(); }

  const std::string path_;
  const bool drops_;  // after a failure, instead of throwing
  std::unique_ptr<Lock> lock_;
  std::unique_ptr<SQLite::Database> database_;
  mutable std::mutex mutex_;
  std::condition_variable wake_, progress_;
  std::deque<Entry> queue_;
  std::size_t queued_bytes_ = 0;
  std::uint64_t submitted_ = 0, committed_ = 0;
  bool stopping_ = false;
  std::string failure_;  // why the journal is failed; empty = it is not
  std::atomic<bool> failed_{false};
  std::thread thread_;
};

}  // namespace clawrl
