#pragma once
// The chat template of a model folder.

#include <string>

#include "probe/probe_answer.hpp"
#include "probe/probe_case.hpp"
#include "prompt/chat_template.hpp"
#include "prompt/tokenizer.hpp"

namespace clawrl {

class TemplateProbe {
 public:
  /// Throws UserError if the folder has no template or a bad one.
  explicit TemplateProbe(const std::string& folder);

  const std::string& source() const { return source_; }  // of all its templates, as the server reads formats from it
  /// The prompt's text; its ids if there is a tokenizer.
  RenderAnswer render(const Tokenizer* tokenizer, const RenderCase& question) const;

 private:
  std::string source_;
  ChatTemplate template_;
};

}  // namespace clawrl
