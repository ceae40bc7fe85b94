#pragma once
// The paper's student: wants homework answers without bold text, numbered list, boxed answer and stock phrases, and
// says so in words. The rule is applied here, on the client's side; no model ever sees it.

#include <optional>
#include <string>
#include <vector>

#include "core/message.hpp"
#include "demo/feedback.hpp"

namespace clawrl::demo {

const std::vector<Wish>& student_wishes();

struct ReplyGrade {
  bool satisfied = false;  // obeys the rule and is well-formed
  bool obeys = false;      // the rule alone
  Substance substance;
  Observed observed;
};
ReplyGrade grade_for_student(std::string_view reply, const Problem& problem);

/// One homework session: a problem, then feedback on up to `max_judged` replies.
class StudentSession {
 public:
  /// `silent`: probability that the student leaves without a word after the first reply.
  StudentSession(std::uint64_t seed, Split split, double silent = 0.1, int max_judged = 2);

  const Problem& problem() const { return problem_; }
  const std::vector<Message>& messages() const { return messages_; }  // what to send now
  /// Takes the reply to messages(). Returns whether another request follows; if so messages() has grown by the reply
  /// and the student's words.
  bool take_reply(const std::string& reply);
  /// The request to be sent now is the session's last one: whatever the reply, the student leaves.
  bool last() const { return last_; }
  const std::vector<ReplyGrade>& grades() const { return grades_; }  // one per judged reply, first reply first

 private:
  Random random_;
  Split split_;
  Problem problem_;
  int max_judged_;
  bool silent_, last_ = false;
  std::vector<Message> messages_;
  std::vector<ReplyGrade> grades_;
};

}  // namespace clawrl::demo
