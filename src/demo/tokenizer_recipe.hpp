#pragma once
// The text that the demo tokenizer is made from: the generated documents, and markdown, JSON and plain English, so that
// an agent client's long prompt stays short in tokens.

#include <string>
#include <vector>

namespace clawrl::demo {

/// Trains and writes tokenizer.json and tokenizer_config.json into `output`. `text_files`: further text, e.g. the
/// committed agent prompt and the project's pages. Deterministic for equal files. Throws UserError naming a bad file.
void make_demo_tokenizer(const std::vector<std::string>& text_files, int vocabulary, const std::string& output);

}  // namespace clawrl::demo
