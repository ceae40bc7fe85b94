#include "comm/mailbox.hpp"

#include <string>

#include "comm/communicator.hpp"
#include "comm/inbox.hpp"
#include "comm/outbox.hpp"
#include "comm/progress.hpp"
#include "core/error.hpp"

namespace clawrl {
namespace {

constexpr std::size_t message_overhead = 256;  // counted per message, so that empty ones are bounded too

class MpiMailbox final : public Mailbox {
 public:
  MpiMailbox(const Communicator& communicator, const MailboxSettings& settings)
      : settings_(settings),
        rank_(communicator.rank()),
        size_(communicator.size()),
        inbox_(settings.inbox_bytes),
        outbox_(settings),
        progress_(Communicator::own_duplicate(communicator), settings, inbox_, outbox_) {}

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  void post(int destination, Port port, std::uint16_t type, std::vector<std::byte> body, Buffer payload) override;
  std::optional<Envelope> receive(Port port, std::chrono::microseconds timeout) override;
  void on_message(Port port, std::function<void(Envelope)> handler) override;
  void on_rank_lost(std::function<void(int)> handler) override { progress_.on_rank_lost(std::move(handler)); }
  bool flush(std::chrono::milliseconds limit) override;
  MailboxStatistics statistics() const override;

 private:
  void post_to_self(Envelope envelope);

  const MailboxSettings settings_;
  const int rank_, size_;
  std::atomic<std::uint64_t> self_messages_{0}, self_bytes_{0};
  Inbox inbox_;
  Outbox outbox_;
  Progress progress_;  // last: its thread uses the others
};

void MpiMailbox::post(int destination, Port port, std::uint16_t type, std::vector<std::byte> body, Buffer payload) {
  expect(port < Port::count, "message type " + std::to_string(type) + " to a port that does not exist");
  expect(destination >= 0 && destination < size_, "message type " + std::to_string(type) + " to rank " +
                                                      std::to_string(destination) + " of " + std::to_string(size_));
  if (destination == rank_) return post_to_self({rank_, port, type, std::move(body), std::move(payload)});
  std::list<Outgoing> message(1);
  Outgoing& item = message.front();
  item.destination = destination;
  item.header.body_bytes = body.size();
  item.header.payload_bytes = payload.size();
  item.header.chunk_bytes = settings_.chunk_bytes;
  item.header.type = type;
  item.header.port = port;
  item.cost = body.size() + payload.size() + message_overhead;
  item.body = std::move(body);
  item.payload = std::move(payload);
  const std::size_t bytes = item.cost;
  outbox_.push(std::move(message), !progress_.on_progress_thread());
  progress_.posted(bytes);
}

void MpiMailbox::post_to_self(Envelope envelope) {
  const std::size_t bytes = bytes_of(envelope);
  self_messages_.fetch_add(1);
  self_bytes_.fetch_add(bytes);
  inbox_.reserve(bytes);
  inbox_.deliver(std::move(envelope));
  if (inbox_.handler_waits()) progress_.wake();
}

std::optional<Envelope> MpiMailbox::receive(Port port, std::chrono::microseconds timeout) {
  expect(port < Port::count, "receive from a port that does not exist");
  if (auto envelope = inbox_.take(port)) return envelope;
  const auto deadline = Progress::Clock::now() + timeout;
  if (size_ > 1) progress_.spin(port, deadline);
  return inbox_.wait(port, deadline);
}

void MpiMailbox::on_message(Port port, std::function<void(Envelope)> handler) {
  expect(port < Port::count, "handler of a port that does not exist");
  inbox_.handle(port, std::move(handler));
  progress_.wake();
}

bool MpiMailbox::flush(std::chrono::milliseconds limit) {
  progress_.wake();
  return outbox_.wait_empty(limit);
}

MailboxStatistics MpiMailbox::statistics() const {
  MailboxStatistics statistics;
  outbox_.report(statistics);
  inbox_.report(statistics);
  statistics.messages_sent += self_messages_;
  statistics.bytes_sent += self_bytes_;
  return statistics;
}

}  // namespace

const char* name(Port port) {
  static const char* const names[] = {"head", "rollout", "prm", "trainer", "weights", "control", "none"};
  return names[static_cast<std::size_t>(port)];
}

std::unique_ptr<Mailbox> make_mailbox(const Communicator& communicator, const MailboxSettings& settings) {
  require(settings.chunk_bytes >= 1 && settings.chunk_bytes <= (std::size_t{1} << 30),
          "chunk_bytes of the mailbox is " + std::to_string(settings.chunk_bytes) + ", allowed is 1 .. 1 GiB");
  require(settings.outbox_bytes >= 1 && settings.inbox_bytes >= 1, "outbox_bytes and inbox_bytes must be at least 1");
  require(settings.idle_max.count() >= 1 && settings.spin.count() >= 0,
          "idle_max of the mailbox must be at least 1 us and spin at least 0 us");
  return std::make_unique<MpiMailbox>(communicator, settings);
}

}  // namespace clawrl
