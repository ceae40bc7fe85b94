#include "roles/held_out_question.hpp"

#include <algorithm>

#include "core/error.hpp"
#include "prm/vote_parser.hpp"
#include "prompt/reply_parser.hpp"

namespace clawrl {

HeldOutQuestion held_out_question(const HeldOutCase& one, const JudgeSettings& judge, const Tokenizer& tokenizer,
                                  const ChatTemplate& chat_template) {
  try {
    if (!one.text.empty()) return {tokenizer.encode_with_post_processor(one.text), 1};
    HeldOutQuestion asked;
    asked.ids = one.judged ? vote_question(*one.judged, judge, tokenizer, chat_template, 0)
                           : chat_template.render_ids(tokenizer, one.messages, "");
    if (one.answer.empty()) return asked;
    asked.from = static_cast<std::int32_t>(asked.ids.size());
    const std::vector<TokenId> answer = tokenizer.encode(one.answer, SpecialText::as_text);
    asked.ids.insert(asked.ids.end(), answer.begin(), answer.end());
    return asked;
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
