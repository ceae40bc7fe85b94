#pragma once
// Clients that behave as real ones do, many conversations at once, and the truth about what each request answers.

#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "session/session_run.hpp"

namespace clawrl::test {

/// What the clients of a run say about their sessions.
enum class Stated { header, runtime_line, weak_ids, nothing };

struct TraceSettings {
  Stated stated = Stated::nothing;
  std::uint64_t seed = 1;
  int conversations = 400;
  int steps = 12;                // of each conversation
  int equal_openings = 20;       // percent that begin with the same words and system prompt
  int stock_replies = 5;         // percent of replies that are one of few sentences
  int stock_words = 15;          // percent of user messages that are
  bool rewrites_history = true;  // compactions, cut and pruned histories, other system prompts
};

/// What came out.
struct TraceReport {
  int requests = 0, turns = 0;
  int expected = 0;                      // turns that a later request goes on from
  int right = 0, wrong = 0, missed = 0;  // links; wrong = to other messages than those that followed
  int strayed = 0;                       // requests that were put into another session than the turn they go on from
  int superseded = 0, superseded_missed = 0, superseded_wrong = 0;
  double share() const { return expected == 0 ? 1.0 : static_cast<double>(right) / (expected + wrong); }
};

/// Plays the conversations against a SessionStore.
class TraceGenerator {
 public:
  explicit TraceGenerator(const TraceSettings& settings) : settings_(settings), random_(settings.seed) {}
  TraceReport run();

 private:
  struct Link {
    std::int64_t request = 0;  // 0 = found only when the reply ended
    Messages next;
  };
  struct Talk {
    int number = 0;
    std::string id, cache_key, user;
    bool openclaw = false, keeps_reasoning = false, own_call_ids = false;
    int compactions = 0, steps = 0;
    std::string system;
    Messages said;                      // as the client keeps it
    std::vector<std::int64_t> authors;  // of each message: the turn that wrote it, 0 = none
    std::vector<SessionRun::Asked> waiting;
    int wraps = 0;  // times that the last user message is wrapped as sent again
  };

  bool chance(int percent) { return static_cast<int>(random_() % 100) < percent; }
  std::size_t pick(std::size_t count) { return random_() % count; }
  std::string words();
  Message new_reply(bool calls);
  Message as_sent_back(const Talk& talk, const Message& reply);
  Messages as_sent(const Talk& talk);
  SessionRun::Voice voice(const Talk& talk);
  void start(Talk& talk);
  void step(Talk& talk);
  void finish_waiting(Talk& talk);
  void rewrite_history(Talk& talk);
  void say_next(Talk& talk);
  void add(Talk& talk, Message message, std::int64_t author = 0);
  void cut(Talk& talk, std::size_t size);
  std::size_t last_reply(const Talk& talk) const;  // index + 1; 0 = none
  SessionRun::Asked ask(Talk& talk);
  void answer(Talk& talk, SessionRun::Asked& asked, const Message& reply, bool lives_on = true);
  void note(const LinkedTurn& linked, std::int64_t request);
  TraceReport compare();

  TraceSettings settings_;
  std::mt19937_64 random_;
  SessionRun run_;
  std::vector<std::unique_ptr<Talk>> talks_;
  int counter_ = 0, requests_ = 0, strayed_ = 0;
  std::map<std::int64_t, Link> truth_, found_;
  std::map<std::int64_t, std::string> session_of_;  // turn -> name
  std::set<std::int64_t> choices_;                  // of several: whether they lived on is not known at the end
  std::set<std::int64_t> abandoned_, last_;         // replies that were asked for again; ends of conversations
};

}  // namespace clawrl::test
