#pragma once
// Simulated users against any OpenAI-compatible server: several at once, each one session after another.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "demo/complaint_memory.hpp"
#include "demo/user_session.hpp"
#include "frontend/server_url.hpp"

namespace clawrl::demo {

struct UserSettings {
  ServerUrl server;
  std::string model = "clawrl-demo";
  std::vector<const Persona*> personas = {&find_persona("student")};  // session i is of the i-th, in turn
  Habits habits;
  int users = 4;         // at once
  double think_s = 0.4;  // mean pause before each message (exponential, at most four times that)
  int max_tokens = 128;
  bool oracle = false;  // their true verdict and wishes go to /v1/feedback too, where they outrank the judge
  int memory = 0;       // complaints that the memory adds to a session's first message
  std::shared_ptr<ComplaintMemory> complaints = std::make_shared<ComplaintMemory>();  // of all users
  /// Called when a session of each persona is over, before the next ones begin; empty = sessions follow one another.
  std::function<void()> after_round = {};
  std::uint64_t seed = 1;
  Split split = Split::held_out;
};

/// One request's outcome. `grade` only for replies that the user judged.
struct ReplyRecord {
  std::string persona;
  int session = 0, turn = 0;
  double at_s = 0;  // since the driver began, when the reply was complete
  bool served = false, cut = false;
  int status = 0;
  std::string error;  // of a request that was not served
  double first_token_s = 0, total_s = 0;
  std::vector<double> gaps_s;
  std::string task, text;
  bool graded = false;
  ReplyGrade grade;
};

using RecordSink = std::function<void(const ReplyRecord&)>;  // called from one thread at a time

/// Holds sessions first .. first + count - 1 (their numbers seed them). `goes_on` is asked before each session.
std::vector<ReplyRecord> hold_sessions(
    const UserSettings& settings, int first, int count, const RecordSink& sink,
    const std::function<bool()>& goes_on = [] { return true; });

/// First replies to `count` held-out tasks of each persona in `asked`, as side turns (never trained), without feedback.
/// The same seed asks the same tasks.
std::vector<ReplyRecord> ask_tasks(const UserSettings& settings, const std::vector<const Persona*>& asked, int count);

}  // namespace clawrl::demo
