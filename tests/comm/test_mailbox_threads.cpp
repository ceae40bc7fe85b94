// Many threads of one rank on one mailbox, beside collectives.
#include <numeric>
#include <thread>

#include "comm/communicator.hpp"
#include "comm/mailbox.hpp"
#include "comm/mpi_collectives.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace std::chrono_literals;

namespace {

struct Item {
  static constexpr std::uint16_t type_id = 11;
  std::int32_t sender = 0, thread = 0, number = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(sender, thread, number);
  }
};

constexpr auto patient = 20s;

/// Receives `expected` items on a port; counts those out of order per (sender, thread).
int out_of_order(Mailbox& box, Port port, int expected, int threads) {
  std::vector<int> next(static_cast<std::size_t>(box.size() * threads));
  int wrong = 0;
  for (int i = 0; i < expected; ++i) {
    const auto envelope = box.receive(port, patient);
    if (!envelope) return wrong + expected - i;
    const auto item = envelope->open<Item>();
    wrong += item.number != next[static_cast<std::size_t>(item.sender * threads + item.thread)]++;
  }
  return wrong;
}

}  // namespace

TEST_CASE("several sending threads on every rank, one port") {
  const auto box = make_mailbox(Communicator::borrow_world());
  constexpr int threads = 3, count = 150;
  std::vector<std::thread> senders;
  for (int t = 0; t < threads; ++t) {
    senders.emplace_back([&box, t] {
      for (int i = 0; i < count; ++i) {
        for (int peer = 0; peer < box->size(); ++peer) {
          box->send(peer, Port::prm, Item{box->rank(), t, i}, Buffer(i % 20 == 0 ? 200'000 : 16, std::byte(i)));
        }
      }
    });
  }
  CHECK(out_of_order(*box, Port::prm, count * threads * box->size(), threads) == 0);
  for (std::thread& sender : senders) sender.join();
}

TEST_CASE("collectives on one thread, mailbox traffic on others") {
  const auto box = make_mailbox(Communicator::borrow_world());
  std::vector<int> ranks(static_cast<std::size_t>(box->size()));
  std::iota(ranks.begin(), ranks.end(), 0);
  const auto group = make_mpi_collectives(ranks);
  constexpr int count = 200;
  std::atomic<int> wrong{0};
  std::vector<std::thread> workers;
  for (Port port : {Port::rollout, Port::trainer}) {
    workers.emplace_back([&box, port] {
      for (int i = 0; i < count; ++i) {
        for (int peer = 0; peer < box->size(); ++peer) {
          box->send(peer, port, Item{box->rank(), 0, i}, Buffer(i % 25 == 0 ? 1'000'000 : 100, std::byte(i)));
        }
      }
    });
    workers.emplace_back([&, port] { wrong += out_of_order(*box, port, count * box->size(), 1); });
  }
  for (int round = 0; round < 20; ++round) {
    std::vector<float> values(50'000, float(group->rank() + round));
    group->sum(values);
    const float expected = float(box->size() * (box->size() - 1) / 2 + box->size() * round);
    CHECK(std::ranges::all_of(values, [expected](float value) { return value == expected; }));
    group->barrier();
  }
  for (std::thread& worker : workers) worker.join();
  CHECK(wrong == 0);
}

TEST_CASE("two mailboxes at once do not mix") {
  const auto first = make_mailbox(Communicator::borrow_world());
  const auto second = make_mailbox(Communicator::borrow_world());
  const int next = (first->rank() + 1) % first->size();
  second->send(next, Port::head, Item{2, 0, 0});
  first->send(next, Port::head, Item{1, 0, 0});
  const auto one = first->receive(Port::head, patient), two = second->receive(Port::head, patient);
  CHECK((one && one->open<Item>().sender == 1));
  CHECK((two && two->open<Item>().sender == 2));
}
