// Bounds, failures and the end of a mailbox.
#include <mpi.h>

#include <thread>

#include "comm/communicator.hpp"
#include "comm/mailbox.hpp"
#include "core/error.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace std::chrono_literals;

namespace {

std::unique_ptr<Mailbox> mailbox(const MailboxSettings& settings = {}) {
  return make_mailbox(Communicator::borrow_world(), settings);
}

constexpr auto patient = 20s;

}  // namespace

TEST_CASE("a slow receiver is felt by the sender, in bounded memory on both sides") {
  MailboxSettings settings;
  settings.outbox_bytes = 1'000'000;
  settings.inbox_bytes = 300'000;
  settings.send_limit = 1s;
  const auto box = mailbox(settings);
  constexpr std::size_t size = 60'000;
  int sent = 0;
  if (box->rank() == 0 && box->size() > 1) {
    const auto fill = [&] {
      for (; sent < 1000; ++sent) box->post(1, Port::trainer, 3, {}, Buffer(size, std::byte(sent)));
    };
    CHECK_THROWS_WITH(
        fill(), Catch::Contains("outbox full") && Catch::Contains("rank 1, port trainer") && Catch::Contains("type 3"));
    CHECK(sent >= 16);
    CHECK(sent <= 16 + 6);
    CHECK(box->statistics().outbox_peak <= settings.outbox_bytes);
    CHECK_FALSE(box->flush(1ms));
  }
  MPI_Bcast(&sent, 1, MPI_INT, 0, MPI_COMM_WORLD);
  if (box->rank() == 1) {
    int wrong = 0;
    for (int i = 0; i < sent; ++i) {
      const auto envelope = box->receive(Port::trainer, patient);
      wrong += !envelope || envelope->payload != Buffer(size, std::byte(i));
    }
    CHECK(wrong == 0);
    CHECK(box->statistics().inbox_peak <= settings.inbox_bytes + 2 * size);
  }
  CHECK(box->flush(patient));
}

TEST_CASE("many small messages nobody reads are bounded as well") {
  MailboxSettings settings;
  settings.outbox_bytes = 100'000;
  settings.inbox_bytes = 2000;
  settings.send_limit = 1s;
  const auto box = mailbox(settings);
  int sent = 0;
  if (box->rank() == 0 && box->size() > 1) {
    const auto fill = [&] {
      for (; sent < 100'000; ++sent) box->post(1, Port::prm, 4, std::vector<std::byte>(8, std::byte(sent)));
    };
    CHECK_THROWS_AS(fill(), UserError);
  }
  MPI_Bcast(&sent, 1, MPI_INT, 0, MPI_COMM_WORLD);
  CHECK(sent < 2000);
  for (int i = 0; i < sent && box->rank() == 1; ++i) {
    const auto envelope = box->receive(Port::prm, patient);
    if (!envelope || envelope->body[0] != std::byte(i)) FAIL_CHECK("message " << i << " is missing or wrong");
  }
}

TEST_CASE("a message above the bound goes alone; messages to the own rank never wait") {
  MailboxSettings settings;
  settings.outbox_bytes = 1000;
  settings.inbox_bytes = 1000;
  settings.send_limit = 20s;
  const auto box = mailbox(settings);
  const int next = (box->rank() + 1) % box->size();
  for (int i = 0; i < 3; ++i) box->post(box->rank(), Port::head, 1, {}, Buffer(100'000, std::byte(i)));
  for (int i = 0; i < 3; ++i) CHECK(box->receive(Port::head, patient).has_value());
  for (int i = 0; i < 3; ++i) {
    box->post(next, Port::weights, 1, {}, Buffer(5'000'000, std::byte(i)));
    const auto envelope = box->receive(Port::weights, patient);
    CHECK((envelope && envelope->payload == Buffer(5'000'000, std::byte(i))));
  }
}

TEST_CASE("what was sent before the end arrives") {
  constexpr int count = 60;
  for (const bool read : {true, false}) {
    auto box = mailbox();
    if (box->rank() == 0) {
      for (int i = 0; i < count; ++i) {
        for (int peer = 1; peer < box->size(); ++peer) {
          box->post(peer, Port::head, 1, {}, Buffer(i % 3 == 0 ? 300'000 : 30, std::byte(i)));
        }
      }
    } else if (read) {
      std::this_thread::sleep_for(30ms);  // the sender is in its destructor by now
      int wrong = 0;
      for (int i = 0; i < count; ++i) {
        const auto envelope = box->receive(Port::head, patient);
        wrong += !envelope || envelope->payload[0] != std::byte(i);
      }
      CHECK(wrong == 0);
    }
    box.reset();
  }
}

TEST_CASE("an exception in a handler reaches the callers with the rank") {
  MailboxSettings settings;
  settings.close_limit = 1s;
  const auto box = mailbox(settings);
  const std::string rank = "mailbox of rank " + std::to_string(box->rank());
  box->on_message(Port::control, [](Envelope) { throw UserError("bad control message"); });
  box->post(box->rank(), Port::control, 1, {});
  CHECK_THROWS_WITH(box->receive(Port::head, patient), Catch::Contains(rank) && Catch::Contains("bad control message"));
  CHECK_THROWS_AS(box->flush(1s), UserError);
  if (box->size() > 1) CHECK_THROWS_AS(box->post((box->rank() + 1) % box->size(), Port::head, 1, {}), UserError);
  MPI_Barrier(MPI_COMM_WORLD);
}

TEST_CASE("a mailbox that unwinds does not wait for the others") {
  const auto start = std::chrono::steady_clock::now();
  try {
    const auto box = mailbox();
    throw UserError("trouble");
  } catch (const UserError& error) {
    CHECK(std::string(error.what()) == "trouble");
  }
  CHECK(std::chrono::steady_clock::now() - start < MailboxSettings{}.close_limit);
  MPI_Barrier(MPI_COMM_WORLD);
}
