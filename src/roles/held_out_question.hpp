#pragma once
// How a held-out case is put to a model, and whether what came back is what the case wants.

#include <span>
#include <vector>

#include "audit/held_out.hpp"
#include "audit/reply_rules.hpp"
#include "prm/judge.hpp"
#include "prompt/chat_template.hpp"
#include "prompt/reply_format.hpp"
#include "prompt/tokenizer.hpp"
#include "roles/reply_stream.hpp"

namespace clawrl {

struct HeldOutQuestion {
  std::vector<TokenId> ids;  // the prompt; where there is a loss, all that the model reads
  std::int32_t from = 1;     // first token whose loss counts
};

/// A judged turn is asked about as `judge` asks for one vote. UserError naming the case: what cannot be rendered.
HeldOutQuestion held_out_question(const HeldOutCase& one, const JudgeSettings& judge, const Tokenizer& tokenizer,
                                  const ChatTemplate& chat_template);

/// To be fed with what the model says.
ReplyStream held_out_reply(const Tokenizer& tokenizer, const ReplyFormat& format, std::span<const TokenId> prompt,
                           const std::vector<TokenId>& stop_tokens);

/// `reply` is finished. Rules are held against its message().text: what the user sees, without thoughts and calls. A
/// vote is read from all of it, as the judge reads one; an invalid one is never right.
bool passes(const HeldOutCase& one, const ReplyRules& rules, const ReplyStream& reply);

}  // namespace clawrl
