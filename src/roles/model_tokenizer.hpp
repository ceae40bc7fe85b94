#pragma once
// The tokenizer of a model folder, held against the model that its ids go into.

#include <string>

#include "model/model_config.hpp"
#include "prompt/tokenizer.hpp"

namespace clawrl {

/// tokenizer.json of `folder`. Throws UserError, also when it has ids outside the model's embedding.
Tokenizer load_tokenizer(const std::string& folder, const ModelConfig& model);

}  // namespace clawrl
