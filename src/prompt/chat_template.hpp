#pragma once
// The chat form of the Qwen3 family (ChatML with tools and think blocks), built in.

#include <span>
#include <string>
#include <vector>

#include "core/ids.hpp"
#include "core/message.hpp"
#include "prompt/tokenizer.hpp"

namespace clawrl {

struct TemplateOptions {
  bool add_generation_prompt = true;  // end with the opening of an assistant message
  bool enable_thinking = true;        // false: the generation prompt carries an empty think block
};

/// The prompt as text. `tools_json`: a JSON array of tools as the client sent it; "" or "[]" = none. Throws UserError
/// for an unknown role (allowed: system, user, assistant, tool) or tools that are no JSON array.
/// As in Qwen3, an assistant message after the last user message gets a think block (an empty one if it is the last and
/// has no reasoning). Training text of a reply is therefore: prompt with generation prompt + reply + "<|im_end|>\n".
std::string render_text(std::span<const Message> messages, const std::string& tools_json, const TemplateOptions& options);
std::string render_text(std::span<const Message> messages, const std::string& tools_json, bool add_generation_prompt);

/// The prompt as ids. Only the template's own control tokens become control tokens: the same characters inside a
/// message are encoded as ordinary text (SpecialText::as_text). Throws UserError if the tokenizer lacks <|im_start|> or
/// <|im_end|>, and as render_text().
std::vector<TokenId> render_ids(const Tokenizer& tokenizer, std::span<const Message> messages,
                                const std::string& tools_json, const TemplateOptions& options);
std::vector<TokenId> render_ids(const Tokenizer& tokenizer, std::span<const Message> messages,
                                const std::string& tools_json, bool add_generation_prompt);

/// Appends the hint to the last user message as its own paragraph. Throws UserError if there is no user message.
std::vector<Message> with_hint(std::vector<Message> messages, const std::string& hint);

}  // namespace clawrl
