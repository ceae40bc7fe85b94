#include "prompt/chat_template.hpp"

#include <algorithm>
#include <optional>

#include "core/error.hpp"
#include "prompt/chat_template_file.hpp"
#include "prompt/chat_values.hpp"
#include "prompt/jinja/template.hpp"

namespace clawrl {

struct ChatTemplate::State {
  jinja::Template plain;
  std::optional<jinja::Template> with_tools;  // where tools are given, if that is another one
  jinja::Template::Variables tokens;
};

namespace {

jinja::Template::Variables token_values(const std::map<std::string, std::string>& tokens) {
  jinja::Template::Variables values;
  for (const auto& [name, text] : tokens) values.emplace_back(name, jinja::template_text(text));
  return values;
}

/// Ends inside the last message, as Hugging Face does it: where the template has trimmed it, so is the end.
jinja::Text cut_after_last(const jinja::Text& rendered, const Message& last) {
  using jinja::stripped;
  const std::string& all = rendered.bytes();
  const auto part = [&](bool right) {
    const TextRange range = stripped(last.text, true, right);
    return last.text.substr(range.begin, range.end - range.begin);
  };
  const std::string trimmed = part(true), with_end = part(false);
  const std::size_t at = all.rfind(trimmed);
  require(at != std::string::npos,
          "continue_final_message: the chat template does not write the last message as it is");
  return rendered.slice(0, at + (all.compare(at, with_end.size(), with_end) == 0 ? with_end : trimmed).size());
}

}  // namespace

ChatTemplate::ChatTemplate(const std::string& source, const std::string& name,
                           const std::map<std::string, std::string>& tokens)
    : state_(std::make_shared<const State>(State{jinja::Template(source, name), std::nullopt, token_values(tokens)})) {}

ChatTemplate ChatTemplate::load(const std::string& folder, const std::string& override_file) {
  const ChatTemplateFiles files = read_chat_template(folder, override_file);
  std::optional<jinja::Template> with_tools;
  if (files.with_tools) with_tools.emplace(*files.with_tools, files.name + " (tool_use)");
  return ChatTemplate(std::make_shared<const State>(
      State{jinja::Template(files.plain, files.name), std::move(with_tools), token_values(files.tokens)}));
}

RenderedPrompt ChatTemplate::render(std::span<const Message> messages, const std::string& tools_json,
                                    const TemplateOptions& options) const {
  require(!options.continue_final_message || (!options.add_generation_prompt && !messages.empty()),
          "continue_final_message needs a last message and add_generation_prompt = false");
  jinja::Template::Variables variables = state_->tokens;
  add_chat_values(variables, messages, tools_json, options);
  const bool has_tools = !tools_json.empty() && state_->with_tools;
  jinja::Text text = (has_tools ? *state_->with_tools : state_->plain).render(variables, options.now_s);
  if (options.continue_final_message) text = cut_after_last(text, messages.back());
  return {text.bytes(), text.data()};
}

std::string ChatTemplate::render_text(std::span<const Message> messages, const std::string& tools_json,
                                      const TemplateOptions& options) const {
  return render(messages, tools_json, options).text;
}

std::vector<TokenId> ChatTemplate::render_ids(const Tokenizer& tokenizer, std::span<const Message> messages,
                                              const std::string& tools_json, const TemplateOptions& options) const {
  const RenderedPrompt prompt = render(messages, tools_json, options);
  return tokenizer.encode(prompt.text, prompt.data);
}

TemplateOptions template_options(const Turn& turn) {
  return {.add_generation_prompt = true,
          .continue_final_message = false,
          .arguments = turn.template_arguments,
          .now_s = turn.created_s};
}

std::vector<Message> with_hint(std::vector<Message> messages, const std::string& hint) {
  const auto last_user =
      std::find_if(messages.rbegin(), messages.rend(), [](const Message& message) { return message.role == "user"; });
  require(last_user != messages.rend(), "a hint needs a user message to be appended to; there is none");
  last_user->text += "\n\n[user's hint / instruction]\n" + hint;
  return messages;
}

}  // namespace clawrl
