#pragma once
// A conversation as the variables that chat templates read.

#include <span>
#include <string>

#include "core/message.hpp"
#include "prompt/chat_template.hpp"
#include "prompt/jinja/template.hpp"

namespace clawrl {

/// messages, tools, documents, add_generation_prompt and what options.arguments names. Throws UserError for bad JSON.
void add_chat_values(jinja::Template::Variables& variables, std::span<const Message> messages,
                     const std::string& tools_json, const TemplateOptions& options);

}  // namespace clawrl
