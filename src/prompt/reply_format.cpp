#include "prompt/reply_format.hpp"

#include <algorithm>

#include "core/error.hpp"
#include "prompt/chat_template_file.hpp"

namespace clawrl {
namespace {

constexpr ToolFormat formats[] = {ToolFormat::none, ToolFormat::hermes, ToolFormat::llama_json, ToolFormat::mistral};
constexpr std::string_view open_think = "<think>", close_think = "</think>";

}  // namespace

const char* name(ToolFormat format) {
  static const char* const names[] = {"none", "hermes", "llama_json", "mistral"};
  return names[static_cast<int>(format)];
}

ReplyFormat recognise_reply_format(std::string_view source) {
  const auto has = [&](std::string_view text) { return source.find(text) != std::string_view::npos; };
  ReplyFormat format;
  format.reasoning = has(open_think) || has(close_think);
  if (has("<tool_call>"))
    format.tools = has("<function=") || has("<arg_key>") ? ToolFormat::none : ToolFormat::hermes;
  else if (has("[TOOL_CALLS]"))
    format.tools = ToolFormat::mistral;
  else if (has("<|python_tag|>") || (has("<|start_header_id|>") && has("\"parameters\"")))
    format.tools = ToolFormat::llama_json;
  return format;
}

ReplyFormat reply_format(std::string_view source, const std::string& tool_format, const std::string& reasoning) {
  ReplyFormat format = recognise_reply_format(source);
  if (tool_format != "auto") {
    const auto* found =
        std::find_if(std::begin(formats), std::end(formats), [&](ToolFormat one) { return tool_format == name(one); });
    require(found != std::end(formats),
            "model.tool_format = " + tool_format + " must be auto, none, hermes, llama_json or mistral");
    format.tools = *found;
  }
  require(reasoning == "auto" || reasoning == "on" || reasoning == "off",
          "model.reasoning = " + reasoning + " must be auto, on or off");
  if (reasoning != "auto") format.reasoning = reasoning == "on";
  return format;
}

ReplyFormat load_reply_format(const std::string& folder, const std::string& chat_template,
                              const std::string& tool_format, const std::string& reasoning) {
  const ChatTemplateFiles files = read_chat_template(folder, chat_template);
  return reply_format(files.plain + files.with_tools.value_or(""), tool_format, reasoning);
}

std::vector<TokenId> marker_tokens(const Tokenizer& tokenizer, const ReplyFormat& format) {
  std::vector<std::string_view> texts;
  if (format.reasoning) texts = {open_think, close_think};
  if (format.tools == ToolFormat::hermes) texts.insert(texts.end(), {"<tool_call>", "</tool_call>"});
  if (format.tools == ToolFormat::llama_json) texts.push_back("<|python_tag|>");
  if (format.tools == ToolFormat::mistral) texts.insert(texts.end(), {"[TOOL_CALLS]", "[ARGS]", "[CALL_ID]"});
  std::vector<TokenId> ids;
  for (const std::string_view text : texts)
    if (const auto id = tokenizer.id_of(text); id && tokenizer.is_special(*id)) ids.push_back(*id);
  std::sort(ids.begin(), ids.end());
  return ids;
}

bool opens_think(std::string_view prompt_tail) {
  const auto end = prompt_tail.find_last_not_of(" \t\r\n");
  return end != std::string_view::npos && prompt_tail.substr(0, end + 1).ends_with(open_think);
}

bool leaves_think_open(std::string_view text) {
  const auto open = text.rfind(open_think), close = text.rfind(close_think);
  return open != std::string_view::npos && (close == std::string_view::npos || close < open);
}

}  // namespace clawrl
