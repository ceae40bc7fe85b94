#include "prompt/chat_template.hpp"

#include <algorithm>
#include <array>

#include "core/error.hpp"
#include "prompt/python_json.hpp"

namespace clawrl {
namespace {

/// A rendered prompt: control tokens apart from text, so that text can never turn into one.
struct Part {
  bool control = false;
  std::string text;
};

class Prompt {
 public:
  void control(const char* token) { parts.push_back({true, token}); }
  void text(std::string_view more) {  // neighbours join: merges may cross them
    if (parts.empty() || parts.back().control) parts.push_back({false, {}});
    parts.back().text += more;
  }
  void open(std::string_view role) {
    control("<|im_start|>");
    text(role);
    text("\n");
  }
  void close() {
    control("<|im_end|>");
    text("\n");
  }
  std::vector<Part> parts;
};

std::string_view without_newlines(std::string_view text, bool left, bool right) {
  while (left && text.starts_with('\n')) text.remove_prefix(1);
  while (right && text.ends_with('\n')) text.remove_suffix(1);
  return text;
}

/// Tool results that a client sent as user text do not begin a new question.
bool is_question(const Message& message) {
  return message.role == "user" &&
         !(message.text.starts_with("<tool_response>") && message.text.ends_with("</tool_response>"));
}

std::size_t last_question(std::span<const Message> messages) {
  for (std::size_t i = messages.size(); i > 0; --i)
    if (is_question(messages[i - 1])) return i - 1;
  return messages.empty() ? 0 : messages.size() - 1;
}

void check_roles(std::span<const Message> messages) {
  static constexpr std::array<std::string_view, 4> roles = {"system", "user", "assistant", "tool"};
  for (std::size_t i = 0; i < messages.size(); ++i)
    require(std::find(roles.begin(), roles.end(), messages[i].role) != roles.end(),
            "messages[" + std::to_string(i) + "].role is '" + messages[i].role +
                "'; allowed are system, user, assistant and tool");
}

void render_system(Prompt& prompt, const Message* system, const std::vector<std::string>& tools) {
  if (!system && tools.empty()) return;
  prompt.open("system");
  if (system) prompt.text(system->text);
  if (!tools.empty()) {
    if (system) prompt.text("\n\n");
    prompt.text(
        "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
        "You are provided with function signatures within <tools></tools> XML tags:\n<tools>");
    for (const auto& tool : tools) prompt.text("\n" + tool);
    prompt.text(
        "\n</tools>\n\nFor each function call, return a json object with function name and arguments within "
        "<tool_call></tool_call> XML tags:\n<tool_call>\n"
        "{\"name\": <function-name>, \"arguments\": <args-json-object>}\n</tool_call>");
  }
  prompt.close();
}

void render_tool_calls(Prompt& prompt, const Message& message, bool has_text) {
  for (std::size_t i = 0; i < message.tool_calls.size(); ++i) {
    const ToolCall& call = message.tool_calls[i];
    const std::string arguments =
        call.arguments.empty() ? "{}" : python_json(call.arguments).value_or(call.arguments);
    if (has_text || i > 0) prompt.text("\n");
    prompt.text("<tool_call>\n{\"name\": \"" + call.name + "\", \"arguments\": " + arguments + "}\n</tool_call>");
  }
}

/// `current`: it stands after the last question, where reasoning is still shown.
void render_assistant(Prompt& prompt, const Message& message, bool current, bool last) {
  std::string_view text = message.text, reasoning = message.reasoning;
  const std::size_t end_of_thought = text.find("</think>");
  if (reasoning.empty() && end_of_thought != std::string_view::npos) {
    reasoning = without_newlines(text.substr(0, end_of_thought), false, true);
    const std::size_t opening = reasoning.rfind("<think>");
    if (opening != std::string_view::npos) reasoning.remove_prefix(opening + 7);
    reasoning = without_newlines(reasoning, true, false);
    text = without_newlines(text.substr(text.rfind("</think>") + 8), true, false);
  }
  prompt.open("assistant");
  if (current && (last || !reasoning.empty())) {
    prompt.text("<think>\n");
    prompt.text(without_newlines(reasoning, true, true));
    prompt.text("\n</think>\n\n");
    prompt.text(without_newlines(text, true, false));
  } else {
    prompt.text(text);
  }
  render_tool_calls(prompt, message, !text.empty());
  prompt.close();
}

/// Results in a row share one user message.
void render_tool_result(Prompt& prompt, const Message& message, bool first, bool last) {
  if (first) {
    prompt.control("<|im_start|>");
    prompt.text("user");
  }
  prompt.text("\n<tool_response>\n" + message.text + "\n</tool_response>");
  if (last) prompt.close();
}

std::vector<std::string> tools_of(const std::string& tools_json) {
  if (tools_json.empty()) return {};
  auto tools = python_json_elements(tools_json);
  require(tools.has_value(), "tools must be a JSON array");
  return std::move(*tools);
}

std::vector<Part> render(std::span<const Message> messages, const std::string& tools_json, const TemplateOptions& options) {
  check_roles(messages);
  Prompt prompt;
  const bool has_system = !messages.empty() && messages[0].role == "system";
  render_system(prompt, has_system ? &messages[0] : nullptr, tools_of(tools_json));
  const std::size_t question = last_question(messages);
  const auto is_tool = [&](std::size_t i) { return i < messages.size() && messages[i].role == "tool"; };
  for (std::size_t i = has_system ? 1 : 0; i < messages.size(); ++i) {
    const Message& message = messages[i];
    if (message.role == "assistant") {
      render_assistant(prompt, message, i > question, i + 1 == messages.size());
    } else if (message.role == "tool") {
      render_tool_result(prompt, message, i == 0 || !is_tool(i - 1), !is_tool(i + 1));
    } else {
      prompt.open(message.role);
      prompt.text(message.text);
      prompt.close();
    }
  }
  if (options.add_generation_prompt) {
    prompt.open("assistant");
    if (!options.enable_thinking) prompt.text("<think>\n\n</think>\n\n");
  }
  return std::move(prompt.parts);
}

}  // namespace

std::string render_text(std::span<const Message> messages, const std::string& tools_json, const TemplateOptions& options) {
  std::string text;
  for (const Part& part : render(messages, tools_json, options)) text += part.text;
  return text;
}

std::string render_text(std::span<const Message> messages, const std::string& tools_json, bool add_generation_prompt) {
  return render_text(messages, tools_json, TemplateOptions{.add_generation_prompt = add_generation_prompt});
}

std::vector<TokenId> render_ids(const Tokenizer& tokenizer, std::span<const Message> messages,
                                const std::string& tools_json, const TemplateOptions& options) {
  std::vector<TokenId> ids;
  for (const Part& part : render(messages, tools_json, options)) {
    if (part.control) {
      const auto id = tokenizer.id_of(part.text);
      require(id && tokenizer.is_special(*id), "the tokenizer has no special token " + part.text +
                                                   ", which the chat template needs");
      ids.push_back(*id);
    } else {
      const auto text = tokenizer.encode(part.text, SpecialText::as_text);
      ids.insert(ids.end(), text.begin(), text.end());
    }
  }
  return ids;
}

std::vector<TokenId> render_ids(const Tokenizer& tokenizer, std::span<const Message> messages,
                                const std::string& tools_json, bool add_generation_prompt) {
  return render_ids(tokenizer, messages, tools_json, TemplateOptions{.add_generation_prompt = add_generation_prompt});
}

std::vector<Message> with_hint(std::vector<Message> messages, const std::string& hint) {
  const auto last_user =
      std::find_if(messages.rbegin(), messages.rend(), [](const Message& message) { return message.role == "user"; });
  require(last_user != messages.rend(), "a hint needs a user message to be appended to; there is none");
  last_user->text += "\n\n[user's hint / instruction]\n" + hint;
  return messages;
}

}  // namespace clawrl
