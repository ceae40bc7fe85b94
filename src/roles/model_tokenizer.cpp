#include "roles/model_tokenizer.hpp"

namespace clawrl {

Tokenizer load_tokenizer(const std::string& folder, const ModelConfig& model) {
  Tokenizer tokenizer = Tokenizer::load(folder + "/tokenizer.json");
  check_vocabulary(model, tokenizer.vocab_size(), folder);
  return tokenizer;
}

}  // namespace clawrl
