#pragma once
// One conversation of a simulated user: a task, then feedback in words on up to `max_judged` replies.

#include <string>
#include <vector>

#include "core/message.hpp"
#include "demo/feedback.hpp"
#include "demo/persona.hpp"

namespace clawrl::demo {

struct Habits {
  double silent = 0.1;  // probability to leave without a word after the first reply
  double wrong = 0;     // probability to say the contrary of what the rule asks, all session long
  double inverted = 0;  // probability to praise what breaks the rule and reject what obeys it, asking for nothing
  double hostile = 0;   // probability to do that as somebody else, and to give the judge orders besides
  double noise = 0;     // probability to praise and complain at random, about anything, all session long
  int max_judged = 2;
  const Persona* voice = nullptr;  // whose rule the words follow; nullptr = the user's own
};

/// What the user's words mean: the truth that a judge should read from them.
struct Feedback {
  std::string text;
  int verdict = 0;           // +1 praise, -1 complaint
  std::vector<Wish> wishes;  // named in the complaint, at most two
};

class UserSession {
 public:
  UserSession(const Persona& persona, std::uint64_t seed, Split split, const Habits& habits = {});

  const Task& task() const { return task_; }
  bool hostile() const { return hostile_; }
  const std::vector<Message>& messages() const { return messages_; }  // what to send now
  /// Takes the reply to messages(). Returns whether another request follows; if so messages() has grown by the reply
  /// and the user's words.
  bool take_reply(const std::string& reply);
  /// The request to be sent now is the session's last one: whatever the reply, the user leaves.
  bool last() const { return last_; }
  const std::vector<ReplyGrade>& grades() const { return grades_; }    // one per judged reply, first reply first
  const std::vector<Feedback>& feedback() const { return feedback_; }  // one per reply that got words

 private:
  Feedback honest(const std::string& reply);
  Feedback contrary(const std::string& reply);
  Feedback inverted(const std::string& reply);
  Feedback hostile_words(const std::string& reply);
  Feedback random_words();

  const Persona* persona_;
  const Persona* voice_;
  Random random_;
  Split split_;
  Task task_;
  int max_judged_;
  bool silent_, wrong_, hostile_, noisy_, inverted_, last_ = false;
  std::vector<Message> messages_;
  std::vector<ReplyGrade> grades_;
  std::vector<Feedback> feedback_;
};

}  // namespace clawrl::demo
