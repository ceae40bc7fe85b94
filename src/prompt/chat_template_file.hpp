#pragma once
// Where a model folder keeps its chat template.

#include <map>
#include <optional>
#include <string>

namespace clawrl {

struct ChatTemplateFiles {
  std::string name;                           // of the file, for messages
  std::string plain;                          // the template
  std::optional<std::string> with_tools;      // another one for requests with tools
  std::map<std::string, std::string> tokens;  // bos_token, eos_token, ... as the folder has them
};

/// See ChatTemplate::load(). Throws UserError with the file's name.
ChatTemplateFiles read_chat_template(const std::string& folder, const std::string& override_file);

}  // namespace clawrl
