// Many threads at once: callbacks in the order of commits, reads that see what was queued before them.

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include "journal/journal.hpp"
#include "made_records.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {
std::string session_name(int writer) {
  return std::string("s").append(std::to_string(writer));
}
}  // namespace

TEST_CASE("callbacks fire once each, in the order of the calls of a thread") {
  Folder folder;
  constexpr int writers = 4, each = 150;
  std::vector<std::vector<int>> fired(writers);  // appended to on the writer thread only
  {
    Journal journal(folder.file("journal.db"));
    std::vector<std::thread> threads;
    for (int w = 0; w < writers; ++w)
      threads.emplace_back([&, w] {
        for (int i = 0; i < each; ++i)
          journal.save_turn(make_turn(journal.next_turn_id(), session_name(w)),
                            [&fired, w, i](std::exception_ptr error) {
                              if (!error) fired[static_cast<std::size_t>(w)].push_back(i);
                            });
      });
    for (auto& thread : threads) thread.join();
    CHECK(journal.sync(std::chrono::seconds(30)));
    for (int w = 0; w < writers; ++w) CHECK(journal.turns_of(session_name(w)).size() == each);
  }
  for (const auto& order : fired) {
    REQUIRE(order.size() == each);
    CHECK(std::is_sorted(order.begin(), order.end()));
  }
}

TEST_CASE("readers and writers together; a read sees the writes before it") {
  Folder folder;
  Journal journal(folder.file("journal.db"));
  std::atomic<int> missed{0};
  std::vector<std::thread> threads;
  for (int w = 0; w < 3; ++w)
    threads.emplace_back([&, w] {
      for (int i = 0; i < 40; ++i) {
        const auto id = journal.next_turn_id();
        journal.save_turn(make_turn(id, session_name(w)));
        if (!journal.turn(id)) ++missed;
        journal.save_verdict(make_verdict(id));
        journal.save_sample(make_sample(id));
      }
    });
  std::thread reader([&] {
    std::int64_t watermark = 0;
    for (int i = 0; i < 40; ++i) {
      const auto now = journal.watermark();
      if (now < watermark) ++missed;
      watermark = now;
      (void)journal.summary();
      (void)journal.unused_samples(5);
    }
  });
  for (auto& thread : threads) thread.join();
  reader.join();
  CHECK(missed == 0);
  CHECK(journal.unused_samples().size() == 120);
  CHECK(journal.open_turns().empty());
}
