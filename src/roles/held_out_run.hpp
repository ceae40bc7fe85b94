#pragma once
// Asks the held-out cases of one policy version on the rollout ranks, where no client is in the way.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "audit/comparison.hpp"
#include "audit/held_out.hpp"
#include "audit/reply_rules.hpp"
#include "comm/mailbox.hpp"
#include "prompt/chat_template.hpp"
#include "prompt/reply_format.hpp"
#include "prompt/tokenizer.hpp"
#include "roles/held_out_question.hpp"
#include "roles/messages.hpp"
#include "roles/reply_stream.hpp"

namespace clawrl {

struct HeldOutRunSettings {
  std::vector<int> rollouts;
  std::int32_t context = 32768;   // tokens of prompt and reply
  std::int32_t max_tokens = 256;  // of a reply
  double temperature = 1;         // likewise
  JudgeSettings judge;            // asks for the votes on judged turns
  std::uint64_t seed = 1;
  std::vector<TokenId> stop_tokens;
  ReplyFormat format;
  std::int32_t concurrency = 4;  // cases under way at once
  double patience_s = 30;        // so long a case waits for a rank without clients; then it goes all the same, alone
};

struct HeldOutResult {
  std::int64_t version = 0;
  Outcomes outcomes;            // [cases]
  std::int64_t unanswered = 0;  // cases that failed for want of a reply
  std::string error;            // of the first of them
};

/// Head thread only. Replies are sampled with case_seed(), so that every version is asked the same; they leave no trace
/// but the outcome. The version must be loaded on all rollout ranks until the result is there.
class HeldOutRun {
 public:
  /// `clients`: requests under way on a rank. UserError naming the case whose prompt cannot be rendered or is too long.
  HeldOutRun(Mailbox& mailbox, const Tokenizer& tokenizer, const ChatTemplate& chat_template,
             std::vector<HeldOutCase> cases, HeldOutRunSettings settings, std::function<int(int rank)> clients);

  void begin(std::int64_t version, double now_s);
  void tick(double now_s);
  void take(const std::vector<CompletionDelta>& deltas);  // those of other requests are passed over
  void take(const messages::TextScored& scored);
  void cancel();  // there will be no result
  bool under_way() const { return version_.has_value(); }
  std::optional<std::int64_t> version() const { return version_; }
  /// Once every case has its outcome; then nothing is under way any more.
  std::optional<HeldOutResult> take_result();
  const std::vector<HeldOutCase>& cases() const { return cases_; }

 private:
  struct Asked {
    std::size_t index;
    int rank;
    std::optional<ReplyStream> reply;  // nullopt: a text
  };
  std::optional<int> free_rank() const;
  int own_on(int rank) const;
  void ask(std::size_t index, int rank);
  GenerateRequest request_of(std::size_t index, RequestId id) const;
  void end(std::uint64_t id, const CompletionDelta& last);
  void unanswered(const Asked& asked, const std::string& error);

  Mailbox& mailbox_;
  Tokenizer tokenizer_;
  std::vector<HeldOutCase> cases_;
  std::vector<ReplyRules> rules_;
  std::vector<HeldOutQuestion> questions_;
  HeldOutRunSettings settings_;
  std::function<int(int)> clients_;
  std::optional<std::int64_t> version_;
  std::deque<std::size_t> waiting_;       // indices of cases
  std::map<std::uint64_t, Asked> asked_;  // by request id
  HeldOutResult result_;
  std::uint64_t last_id_ = 0;
  double now_s_ = 0, moved_s_ = 0;
};

}  // namespace clawrl
