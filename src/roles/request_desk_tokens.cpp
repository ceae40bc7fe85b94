// Text to tokens and back, without a reply.

#include <algorithm>

#include "core/error.hpp"
#include "roles/refusals.hpp"
#include "roles/request_desk.hpp"

namespace clawrl {

Outcome<std::vector<TokenId>> RequestDesk::tokenize(const TokenizeRequest& request) const {
  const std::size_t most = most_bytes_per_token * static_cast<std::size_t>(settings_.context);
  const auto too_much = invalid(400, "context_length_exceeded", request.chat ? "messages" : "prompt",
                                "this is more text than the context of " + std::to_string(settings_.context) +
                                    " tokens could hold: at most " + std::to_string(most) + " bytes are taken");
  if (request.text.size() > most) return {std::nullopt, too_much};
  if (!request.chat)
    return {request.add_special_tokens ? tokenizer_.encode_with_post_processor(request.text)
                                       : tokenizer_.encode(request.text),
            {}};
  std::size_t bytes = request.chat->tools.size();
  for (const Message& message : request.chat->messages) bytes += message.text.size();
  if (bytes > most) return {std::nullopt, too_much};
  try {
    Turn turn;
    turn.messages = request.chat->messages;
    turn.tools = request.chat->tools;
    turn.template_arguments = request.chat->template_arguments;
    auto ids = prompt_of(*request.chat, turn);
    if (!ids) return {std::nullopt, too_much};
    return {request.add_special_tokens ? tokenizer_.post_processed(std::move(*ids)) : std::move(*ids), {}};
  } catch (const UserError& error) {
    return {std::nullopt, invalid(400, "", "messages", error.what())};
  }
}

Outcome<std::string> RequestDesk::detokenize(const std::vector<TokenId>& ids) const {
  const TokenId end = tokenizer_.vocab_size();
  const auto bad = std::find_if(ids.begin(), ids.end(), [&](TokenId id) { return id < 0 || id >= end; });
  if (bad != ids.end())
    return {std::nullopt,
            invalid(400, "", "tokens",
                    "token " + std::to_string(*bad) + " is outside the vocabulary of " + std::to_string(end))};
  return {tokenizer_.decode(ids, false), {}};
}

}  // namespace clawrl
