#pragma once
// A model's own chat template: messages in, the prompt that the model was trained on out.

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/ids.hpp"
#include "core/message.hpp"
#include "core/turn.hpp"
#include "prompt/text_range.hpp"
#include "prompt/tokenizer.hpp"

namespace clawrl {

struct TemplateOptions {
  bool add_generation_prompt = true;    // end with the opening of an assistant message
  bool continue_final_message = false;  // end inside the last message; needs add_generation_prompt = false
  std::string arguments = {};           // JSON object of further variables: {"enable_thinking":false}; empty = none
  double now_s = 0;                     // Unix time for templates that write the date
};

/// A prompt as text that knows which bytes came from the conversation instead of the template.
struct RenderedPrompt {
  std::string text;
  std::vector<TextRange> data;  // ascending, disjoint
};

/// Immutable; copies share everything; all members are thread-safe. Rendering is bounded (prompt/jinja/limits.hpp).
class ChatTemplate {
 public:
  /// The template of a Hugging Face folder: `override_file` if given, else chat_template.jinja, else chat_template of
  /// tokenizer_config.json (one template, or a list of which "default" is taken, and "tool_use" where tools are given).
  /// bos_token and its kin come from tokenizer_config.json. Throws UserError: no template, or one that is broken or
  /// uses what does not exist, with file, line and column.
  static ChatTemplate load(const std::string& folder, const std::string& override_file = "");

  /// From the template's text; `name` is for messages. `tokens`: bos_token and its kin by name.
  ChatTemplate(const std::string& source, const std::string& name,
               const std::map<std::string, std::string>& tokens = {});

  /// `tools_json`: JSON array of tools as the client sent it; "" = none. Arguments of tool calls are given to the
  /// template as JSON values ("" as {}; what is no JSON as the string that it is).
  /// Throws UserError (a server answers 400): the template's raise_exception, an error while rendering, or bad JSON.
  RenderedPrompt render(std::span<const Message> messages, const std::string& tools_json,
                        const TemplateOptions& options = {}) const;
  std::string render_text(std::span<const Message> messages, const std::string& tools_json,
                          const TemplateOptions& options = {}) const;

  /// Ids of the rendered text, nothing put before it. Only special tokens that the template wrote become control
  /// tokens: the same characters in a message, a tool or an argument are ordinary text.
  std::vector<TokenId> render_ids(const Tokenizer& tokenizer, std::span<const Message> messages,
                                  const std::string& tools_json, const TemplateOptions& options = {}) const;

 private:
  struct State;
  explicit ChatTemplate(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

/// What the turn's own prompt was rendered with: the same messages and tools give the same prompt again.
TemplateOptions template_options(const Turn& turn);

/// Appends the hint to the last user message as its own paragraph. Throws UserError if there is no user message.
std::vector<Message> with_hint(std::vector<Message> messages, const std::string& hint);

}  // namespace clawrl
