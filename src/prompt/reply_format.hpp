#pragma once
// What a model family writes besides plain text, and how that is recognised.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.hpp"
#include "prompt/tokenizer.hpp"

namespace clawrl {

/// How tool calls are written.
enum class ToolFormat : std::uint8_t {
  none,
  hermes,      // <tool_call>\n{"name": "f", "arguments": {...}}\n</tool_call>       Qwen2.5, Qwen3, Hermes
  llama_json,  // {"name": "f", "parameters": {...}}, more of them after "; "; perhaps <|python_tag|> before   Llama 3.x
  mistral,     // [TOOL_CALLS] [{"name": "f", "arguments": {...}}, ...]  or  [TOOL_CALLS]f[ARGS]{...}           Mistral
};

struct ReplyFormat {
  ToolFormat tools = ToolFormat::none;
  bool reasoning = false;  // thoughts between <think> and </think> before the answer
  bool operator==(const ReplyFormat&) const = default;
};

const char* name(ToolFormat format);

/// What replies to prompts of this chat template (its Jinja source) look like. Formats that no parser here reads, such
/// as XML calls, are `none`: they stay visible text.
ReplyFormat recognise_reply_format(std::string_view template_source);

/// The same, overridden where the settings do not say auto. tool_format: auto, none, hermes, llama_json, mistral;
/// reasoning: auto, on, off. Throws UserError naming the setting (model.tool_format, model.reasoning).
ReplyFormat reply_format(std::string_view template_source, const std::string& tool_format,
                         const std::string& reasoning);

/// The same from a Hugging Face folder's chat template, or `chat_template` (a file) instead of it. Throws UserError as
/// ChatTemplate::load().
ReplyFormat load_reply_format(const std::string& folder, const std::string& chat_template,
                              const std::string& tool_format, const std::string& reasoning);

/// Special tokens that are part of a reply in this format, not control: their text must reach the parser. Ascending.
std::vector<TokenId> marker_tokens(const Tokenizer& tokenizer, const ReplyFormat& format);

/// Does a reply to this prompt (rendered, or its last few tokens as text) begin inside a think block?
bool opens_think(std::string_view prompt_tail);

/// Does this beginning of a reply end inside one?
bool leaves_think_open(std::string_view text);

}  // namespace clawrl
