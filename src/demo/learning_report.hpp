#pragma once
// What a run with simulated users showed: report.json, a plot, and lines for a terminal.

#include <string>
#include <vector>

#include "demo/user_driver.hpp"

namespace clawrl::demo {

/// Shares over graded replies; `count` of them.
struct Satisfaction {
  int count = 0;
  double satisfied = 0, formed = 0, correct = 0, mean_words = 0;
};
Satisfaction satisfaction_of(const std::vector<ReplyRecord>& records);

struct LearningRecord {
  std::vector<ReplyRecord> before, sessions, after;  // `before` and `after` ask the same held-out tasks
  std::string server_status;                         // JSON of GET /status at the end; may be empty
  bool settled = true;                               // the server had learned and audited all before `after`
};

/// Does GET /status (its JSON) say that a verdict, a step or new weights are on their way? False for text that is no
/// such status: another server has nothing to wait for.
bool learning_busy(const std::string& server_status);
/// Of the same: the newest version will be audited if no other comes, so that what is served may still change.
bool audit_pending(const std::string& server_status);

/// First replies of the sessions in the order in which they were given.
std::vector<const ReplyRecord*> first_replies(const std::vector<ReplyRecord>& sessions);

/// The session (1-based, by time of its first reply) whose first reply was the third satisfied one in a row; 0 = never.
int sessions_until_three(const std::vector<ReplyRecord>& sessions);

/// Names of the personas that took part, in order of their first record.
std::vector<std::string> personas_of(const LearningRecord& record);
/// The records of one persona.
LearningRecord part_of(const LearningRecord& record, const std::string& persona);

std::string to_json(const LearningRecord& record);
std::string to_text(const LearningRecord& record);
/// Rolling share of satisfied first replies over each persona's sessions, with the held-out shares before and after.
std::string to_svg(const LearningRecord& record);

/// Writes report.json, report.txt and satisfaction.svg into `folder`. Throws UserError naming the file.
void write_report(const LearningRecord& record, const std::string& folder);

}  // namespace clawrl::demo
