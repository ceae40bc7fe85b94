#pragma once
// A version desk between a mailbox that keeps what is posted and a journal of its own: trainers 0 and 1, rollouts 2 and
// 3, a teacher on 4.

#include <cstdint>
#include <string>
#include <vector>

#include "roles/clock.hpp"
#include "roles/desk_support.hpp"
#include "roles/version_desk.hpp"
#include "support/catch.hpp"

namespace clawrl::test {

struct Desk {
  Folder folder;
  Journal journal{folder.file("journal.sqlite")};
  RecordingMailbox mailbox;
  ServiceMeter meter;
  std::vector<std::int64_t> announced, first_tokens;
  std::int64_t announced_bytes = 0;
  VersionDesk desk;
  explicit Desk(VersionDeskSettings settings) : desk(mailbox, journal, meter, std::move(settings)) {
    desk.on_announced = [this](std::int64_t version, std::int64_t bytes, double seconds) {
      announced.push_back(version);
      announced_bytes = bytes;
      CHECK(seconds >= 0);
    };
    desk.on_first_token = [this](const LineVersion& version, double seconds) {
      first_tokens.push_back(version.number);
      CHECK(seconds >= 0);
    };
  }
  void complete(int rank, std::int64_t version, std::int64_t dispatched, const std::string& error = "") {
    desk.complete(rank, {version, 100, error}, dispatched);
  }
  /// Made and whole on all ranks.
  void arrive(std::int64_t version) {
    desk.made(version, version, unix_s());
    for (int rank : {2, 3, 4}) complete(rank, version, version);
  }
  template <class Message>
  std::vector<std::int64_t> told(int rank) {
    std::vector<std::int64_t> versions;
    for (const auto& one : mailbox.take<Message>())
      if (one.rank == rank) versions.push_back(one.message.version);
    return versions;
  }
  std::vector<std::int64_t> published() {
    std::vector<std::int64_t> versions;
    for (const auto& one : mailbox.take<messages::Publish>()) versions.push_back(one.message.version);
    return versions;
  }
};

inline VersionDeskSettings settings() {
  VersionDeskSettings s;
  s.trainers = {0, 1};
  s.rollouts = {2, 3};
  s.teachers = {4};
  return s;
}

}  // namespace clawrl::test
