#pragma once
// Training text of the two demo models, made by a generator: conversations for the policy, judge prompts for the PRM.

#include <string>
#include <vector>

#include "core/message.hpp"
#include "core/training_sample.hpp"
#include "demo/feedback.hpp"
#include "demo/judge_case.hpp"
#include "demo/reply.hpp"
#include "prompt/chat_template.hpp"
#include "prompt/tokenizer.hpp"

namespace clawrl::demo {

/// Every assistant message is trained (its <|im_end|> included); with `whole` every other token as well.
struct Document {
  std::vector<Message> messages;
  bool whole = false;
};

class Corpus {
 public:
  Corpus(Split split, std::uint64_t seed) : random_(seed), split_(split) {}

  /// Replies to tasks of all kinds in a mostly stiff voice; the same under a hint; replies revised after a complaint;
  /// thanks.
  Document policy_document();
  /// A vote, with or without grade and place of the error, or a hint extraction, with its answer.
  /// self_share: asked as the author of the reply, as a policy that judges itself is.
  Document judge_document(double self_share = usual_self_share);
  static constexpr double usual_self_share = 0.15;
  JudgeCase judge_case() { return judge_case(random_kind(random_)); }
  JudgeCase judge_case(TaskKind kind);
  /// One or two wishes that don't contradict each other.
  std::vector<Wish> wishes();
  Task task() { return make_task(random_, split_, random_kind(random_)); }

 private:
  Document answered(bool hinted);
  Document revision(bool hinted);
  Document thanks();

  Random random_;
  Split split_;
};

/// Token ids and loss mask of a document (origin "sft"); sampler log-probs and advantages are 0 and 1.
TrainingSample supervised_sample(const Document& document, const Tokenizer& tokenizer,
                                 const ChatTemplate& chat_template);

}  // namespace clawrl::demo
