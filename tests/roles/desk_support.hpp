#pragma once
// What the desks' tests share: a mailbox that keeps what is posted, and a folder for a journal.

#include <unistd.h>

#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "comm/mailbox.hpp"

namespace clawrl::test {

struct Posted {
  int rank;
  Port port;
  std::uint16_t type;
  std::vector<std::byte> body;
};

/// Keeps what is posted, delivers nothing.
class RecordingMailbox final : public Mailbox {
 public:
  int rank() const override { return 0; }
  int size() const override { return 8; }
  void post(int destination, Port port, std::uint16_t type, std::vector<std::byte> body, Buffer) override {
    posted.push_back({destination, port, type, std::move(body)});
  }
  std::optional<Envelope> receive(Port, std::chrono::microseconds) override { return std::nullopt; }
  void on_message(Port, std::function<void(Envelope)>) override {}
  void on_rank_lost(std::function<void(int)>) override {}
  bool flush(std::chrono::milliseconds) override { return true; }
  MailboxStatistics statistics() const override { return {}; }

  template <class Message>
  struct Sent {
    int rank;
    Port port;
    Message message;
  };
  /// Takes the messages of one type out, in order.
  template <class Message>
  std::vector<Sent<Message>> take() {
    std::vector<Sent<Message>> found;
    std::erase_if(posted, [&](const Posted& one) {
      if (one.type != Message::type_id) return false;
      found.push_back({one.rank, one.port, unpack<Message>(one.body)});
      return true;
    });
    return found;
  }
  std::vector<Posted> posted;
};

/// Removed at the end, with all that is in it.
struct Folder {
  std::filesystem::path path;
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "clawrl_roles_XXXXXX").string();
    if (!::mkdtemp(name.data())) throw std::runtime_error("cannot make " + name);
    path = name;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::string file(const std::string& name) const { return (path / name).string(); }
};

template <class Sent>
std::vector<int> ranks_of(const std::vector<Sent>& sent) {
  std::vector<int> ranks;
  for (const auto& one : sent) ranks.push_back(one.rank);
  return ranks;
}

}  // namespace clawrl::test
