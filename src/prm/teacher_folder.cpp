#include "prm/teacher_folder.hpp"

#include "core/error.hpp"
#include "model/model_config.hpp"
#include "prompt/tokenizer.hpp"

namespace clawrl {

void check_teacher_folder(const std::string& policy_folder, const std::string& teacher_folder) {
  const auto model = read_model_config(teacher_folder);
  const auto policy = Tokenizer::load(policy_folder + "/tokenizer.json");
  const auto teacher = Tokenizer::load(teacher_folder + "/tokenizer.json");
  const std::string refusal =
      "prm.teacher = " + teacher_folder + " has another vocabulary than the policy " + policy_folder + ": ";
  require(teacher.vocab_size() == policy.vocab_size(), refusal + std::to_string(teacher.vocab_size()) +
                                                           " tokens there, " + std::to_string(policy.vocab_size()) +
                                                           " here");
  for (TokenId id = 0; id < policy.vocab_size(); ++id)
    require(policy.bytes_of(id) == teacher.bytes_of(id) && policy.is_special(id) == teacher.is_special(id),
            refusal + "token " + std::to_string(id) + " is '" + std::string(teacher.bytes_of(id)) + "' there and '" +
                std::string(policy.bytes_of(id)) + "' here");
  require(model.vocab_size >= policy.vocab_size(), refusal + "its embedding has " + std::to_string(model.vocab_size) +
                                                       " rows for " + std::to_string(policy.vocab_size()) + " tokens");
}

}  // namespace clawrl
