#pragma once
// The chat template of a model folder, asked with JSON as a client sends it.

#include <string>

#include "probe/probe_answer.hpp"
#include "probe/probe_case.hpp"
#include "prompt/tokenizer.hpp"

namespace clawrl {

class TemplateProbe {
 public:
  /// Throws UserError if the folder has no template or a bad one.
  explicit TemplateProbe(const std::string& folder);

  const std::string& source() const { return source_; }
  RenderAnswer render(const Tokenizer& tokenizer, const RenderCase& question) const;

 private:
  std::string source_;
};

}  // namespace clawrl
