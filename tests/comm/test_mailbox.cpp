#include <map>
#include <thread>

#include "comm/communicator.hpp"
#include "comm/mailbox.hpp"
#include "core/error.hpp"
#include "core/generation.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace std::chrono_literals;

namespace {

struct Numbered {
  static constexpr std::uint16_t type_id = 7;
  std::int32_t sender = 0, number = 0;
  std::vector<std::int32_t> filler;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(sender, number, filler);
  }
};

std::unique_ptr<Mailbox> mailbox(const MailboxSettings& settings = {}) {
  return make_mailbox(Communicator::borrow_world(), settings);
}

Buffer pattern(std::size_t size, int seed) {
  Buffer bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = std::byte(static_cast<unsigned char>(i * 131 + i / 4099 + seed));
  return bytes;
}

constexpr auto patient = 20s;

}  // namespace

TEST_CASE("messages of one sender and port arrive in order, large and small mixed") {
  MailboxSettings settings;
  settings.chunk_bytes = 10000;
  const auto box = mailbox(settings);
  constexpr int count = 300;
  const std::size_t payloads[] = {0, 50000, 10, 3000, 3100, 9999, 10001};
  for (int number = 0; number < count; ++number) {
    for (int peer = 0; peer < box->size(); ++peer) {
      Numbered message{box->rank(), number, {}};
      if (number % 11 == 0) message.filler.resize(5000, number);  // a body in chunks
      for (Port port : {Port::trainer, Port::weights}) {
        box->send(peer, port, message, pattern(payloads[number % 7], number));
      }
    }
  }
  for (Port port : {Port::weights, Port::trainer}) {
    std::map<int, int> next;
    int wrong = 0;
    for (int i = 0; i < count * box->size(); ++i) {
      const auto envelope = box->receive(port, patient);
      if (!envelope) {
        ++wrong;
        break;
      }
      const auto message = envelope->open<Numbered>();
      const bool filled = message.filler.size() == (message.number % 11 == 0 ? 5000 : 0);
      wrong += message.number != next[message.sender]++ || envelope->source != message.sender || !filled ||
               envelope->type != Numbered::type_id || envelope->port != port ||
               envelope->payload != pattern(payloads[message.number % 7], message.number);
    }
    CHECK(wrong == 0);
    CHECK_FALSE(box->receive(port, 1ms).has_value());
  }
}

TEST_CASE("payloads and bodies of all sizes around the limits come whole") {
  const auto box = mailbox();
  const int next = (box->rank() + 1) % box->size();
  const std::size_t chunk = MailboxSettings{}.chunk_bytes;
  const std::size_t sizes[] = {0,    1,     100,   3039,      3040,  3041,      3072,
                               4096, 65536, 65537, chunk - 1, chunk, chunk + 1, 20'000'000};
  for (std::size_t size : sizes) box->post(next, Port::weights, 1, {}, pattern(size, 1));
  for (std::size_t size : sizes) {
    const Buffer body = pattern(size, 2);
    box->post(next, Port::head, 2, {body.begin(), body.end()}, pattern(size / 2, 3));
  }
  for (std::size_t size : sizes) {
    const auto envelope = box->receive(Port::weights, patient);
    CHECK((envelope && envelope->body.empty() && envelope->payload == pattern(size, 1)));
  }
  for (std::size_t size : sizes) {
    const auto envelope = box->receive(Port::head, patient);
    const Buffer body = pattern(size, 2);
    CHECK((envelope && std::ranges::equal(envelope->body, body) && envelope->payload == pattern(size / 2, 3)));
  }
  CHECK(box->flush(patient));
}

TEST_CASE("a small message of another port overtakes a large one") {
  const auto box = mailbox();
  const int next = (box->rank() + 1) % box->size();
  box->post(next, Port::weights, 1, {}, pattern(20'000'000, 1));
  box->send(next, Port::control, Numbered{box->rank(), 1, {}});
  CHECK(box->receive(Port::control, patient).has_value());
  const auto large = box->receive(Port::weights, patient);
  CHECK((large && large->payload == pattern(20'000'000, 1)));
}

TEST_CASE("messages to the own rank keep their buffers and are counted") {
  const auto box = mailbox();
  Buffer payload = pattern(1'000'000, 5);
  const std::byte* data = payload.data();
  box->send(box->rank(), Port::prm, Numbered{box->rank(), 9, {}}, std::move(payload));
  const auto envelope = box->receive(Port::prm, 0us);
  REQUIRE(envelope.has_value());
  CHECK(envelope->payload.data() == data);
  CHECK(envelope->open<Numbered>().number == 9);
  const MailboxStatistics statistics = box->statistics();
  CHECK(statistics.messages_sent == 1);
  CHECK(statistics.messages_received == 1);
  CHECK(statistics.bytes_received > 1'000'000);
  CHECK(statistics.outbox_peak == 0);
}

TEST_CASE("a port with a handler gets all its messages, in order, and may answer") {
  const auto box = mailbox();
  constexpr int count = 200;
  const std::thread::id main_thread = std::this_thread::get_id();
  std::map<int, int> next;
  std::atomic<int> wrong{0}, handled{0};
  for (int i = 0; i < 3; ++i) box->send(box->rank(), Port::rollout, Numbered{box->rank(), i, {}});  // come first
  box->on_message(Port::rollout, [&](Envelope envelope) {
    const auto message = envelope.open<Numbered>();
    wrong += message.number != next[message.sender]++ || std::this_thread::get_id() == main_thread;
    box->send(envelope.source, Port::head, message, std::move(envelope.payload));
    ++handled;
  });
  for (int i = 0; i < count; ++i) {
    for (int peer = 0; peer < box->size(); ++peer) {
      const int number = peer == box->rank() ? i + 3 : i;
      box->send(peer, Port::rollout, Numbered{box->rank(), number, {}}, pattern(i % 50 == 0 ? 100000 : 8, i));
    }
  }
  int answers = 0;
  while (answers < count * box->size() + 3 && box->receive(Port::head, patient)) ++answers;
  CHECK(answers == count * box->size() + 3);
  CHECK(wrong == 0);
  CHECK(box->flush(patient));
  while (handled < count * box->size() + 3) std::this_thread::sleep_for(1ms);
}

TEST_CASE("wrong calls are refused and an empty port times out") {
  const auto box = mailbox();
  CHECK_FALSE(box->receive(Port::head, 0us).has_value());
  CHECK_FALSE(box->receive(Port::head, 2ms).has_value());
  CHECK_THROWS_AS(box->post(box->size(), Port::head, 1, {}), InternalError);
  CHECK_THROWS_AS(box->post(-1, Port::head, 1, {}), InternalError);
  CHECK_THROWS_AS(box->post(0, Port::count, 1, {}), InternalError);
  MailboxSettings settings;
  settings.chunk_bytes = 0;
  CHECK_THROWS_AS(mailbox(settings), UserError);
}
