// Every rank is trainer and receiver at once: shards of all trainers meet in every shadow.

#include <atomic>
#include <chrono>
#include <mutex>
#include <numeric>
#include <thread>

#include "comm/communicator.hpp"
#include "core/partition.hpp"
#include "support/catch.hpp"
#include "weights/shadow_policy.hpp"
#include "weights/weight_publisher.hpp"
#include "weights/weight_receiver.hpp"

using namespace clawrl;
using namespace clawrl::test;
using namespace std::chrono_literals;

namespace {

struct Outcomes {
  std::mutex mutex;
  std::vector<WeightReceiver::Outcome> list;
  std::size_t count() {
    const std::lock_guard lock(mutex);
    return list.size();
  }
};

bool arrived(Outcomes& outcomes, std::size_t count) {
  for (int wait = 0; wait < 20000 && outcomes.count() < count; ++wait) std::this_thread::sleep_for(1ms);
  return outcomes.count() == count;
}

std::int64_t owned_bytes(const WeightSet& weights, int rank, int ranks) {
  const auto owner = owners_by_bytes(weights.views(), ranks);
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < owner.size(); ++i)
    if (owner[i] == rank) sum += static_cast<std::int64_t>(weights.views()[i].bytes());
  return sum;
}

}  // namespace

TEST_CASE("all receivers end with the trainers' bytes, whatever the chunk size") {
  for (const std::int64_t chunk_bytes : {7, 1000, 1024, 1 << 20}) {
    INFO("chunk of " << chunk_bytes << " bytes");
    ShadowPolicy policy, teacher;
    Outcomes outcomes;
    WeightReceiver receiver({&policy, &teacher}, [&](const WeightReceiver::Outcome& outcome) {
      const std::lock_guard lock(outcomes.mutex);
      outcomes.list.push_back(outcome);
    });
    const auto box = make_mailbox(Communicator::borrow_world());
    box->on_message(Port::weights, [&](const Envelope& envelope) { receiver.take(envelope); });

    std::vector<int> receivers(static_cast<std::size_t>(box->size()));
    std::iota(receivers.begin(), receivers.end(), 0);
    WeightSet weights;
    WeightPublisher publisher(*box, box->rank(), box->size(), chunk_bytes);
    for (std::int64_t version : {1, 2}) {  // the second starts while the first may still travel
      weights.fill(version);
      const std::int64_t sent = publisher.publish(version, weights.views(), receivers);
      CHECK(sent == owned_bytes(weights, box->rank(), box->size()) * box->size());
    }
    weights.fill(77);  // the bytes were copied
    CHECK(arrived(outcomes, 2));
    const std::lock_guard lock(outcomes.mutex);
    for (const auto& outcome : outcomes.list) {
      CHECK(outcome.error == "");
      CHECK(outcome.bytes == weights.bytes());
      WeightSet expected;
      expected.fill(outcome.version);
      CHECK((policy.holds(outcome.version) && policy.weights(outcome.version) == expected));
      CHECK((teacher.holds(outcome.version) && teacher.weights(outcome.version) == expected));
    }
    CHECK(policy.versions().empty());  // visible only after the owner's publish()
    CHECK(policy.discarded.empty());
  }
}

TEST_CASE("only the named receivers get the bytes") {
  ShadowPolicy policy;
  Outcomes outcomes;
  WeightReceiver receiver({&policy}, [&](const WeightReceiver::Outcome& outcome) {
    const std::lock_guard lock(outcomes.mutex);
    outcomes.list.push_back(outcome);
  });
  const auto box = make_mailbox(Communicator::borrow_world());
  box->on_message(Port::weights, [&](const Envelope& envelope) { receiver.take(envelope); });
  const int last = box->size() - 1;
  WeightSet weights;
  weights.fill(5);
  const int receivers[] = {last};
  WeightPublisher(*box, box->rank(), box->size(), 512).publish(5, weights.views(), receivers);
  CHECK(box->flush(20s));
  if (box->rank() == last) CHECK(arrived(outcomes, 1));
  if (box->rank() != last) CHECK_FALSE(policy.holds(5));
}
