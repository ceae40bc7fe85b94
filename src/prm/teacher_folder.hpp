#pragma once
// A model folder as teacher: another model than the policy, with the same vocabulary.

#include <string>

namespace clawrl {

/// The teacher scores the very ids that the policy sampled, so each id must stand for the same bytes. Reads both
/// folders' config.json and tokenizer.json, no weights. The teacher's embedding may have more rows than its tokenizer
/// uses (padding). Throws UserError naming prm.teacher, both folders and the first difference.
void check_teacher_folder(const std::string& policy_folder, const std::string& teacher_folder);

}  // namespace clawrl
