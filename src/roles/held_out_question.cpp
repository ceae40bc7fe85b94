#include "roles/held_out_question.hpp"

#include <algorithm>

#include "core/error.hpp"
#include "prm/vote_parser.hpp"
#include "prompt/reply_parser.hpp"

namespace clawrl {

std::vector<TokenId> held_out_ids(const HeldOutCase& one, const JudgeSettings& judge, const Tokenizer& tokenizer,
                                  const ChatTemplate& chat_template) {
  try {
    switch (one.kind()) {
      case HeldOutKind::text:
        return tokenizer.encode_with_post_processor(one.text);
      case HeldOutKind::verdict:
        return vote_question(*one.judged, judge, tokenizer, chat_template, 0);
      case HeldOutKind::reply:
        break;
    }
    return chat_template.render_ids(tokenizer, one.messages, "");
  } catch (const UserError& error) {
    throw UserError("held-out case '" + one.id + "': " + error.what());
  }
}

ReplyStream held_out_reply(const Tokenizer& tokenizer, const ReplyFormat& format, std::span<const TokenId> prompt,
                           const std::vector<TokenId>& stop_tokens) {
  constexpr std::size_t tail = 16;  // tokens: an opened block of thoughts is at the very end
  ReplyParserSettings parser;
  parser.format = format;
  parser.prompt_opens_think =
      format.reasoning && opens_think(tokenizer.decode(prompt.last(std::min(prompt.size(), tail)), false));
  return {tokenizer, parser, stop_tokens, {}};
}

bool passes(const HeldOutCase& one, const ReplyRules& rules, const ReplyStream& reply) {
  return one.judged ? parse_vote(reply.raw()) == Vote(one.verdict) : rules.pass(reply.message().text);
}

}  // namespace clawrl
