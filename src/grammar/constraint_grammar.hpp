#pragma once
// A request's constraint as the grammar of the whole reply.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/generation.hpp"
#include "grammar/grammar.hpp"
#include "prompt/reply_format.hpp"

namespace clawrl::grammar {

/// Where the reply starts: thoughts before the answer are free text up to </think>.
enum class Thinking : std::uint8_t {
  none,  // the answer begins at once
  may,   // the reply may begin with <think>
  open,  // the prompt has opened the block
};

/// Tags of all formats: where one is a single token of the vocabulary, the grammar reads that token and not its text.
const std::vector<std::string>& tag_texts();

/// Throws UserError saying what is wrong with the constraint. `is_token` says which tags are single tokens.
std::shared_ptr<const Grammar> constraint_grammar(const Constraint& constraint, const ReplyFormat& format,
                                                  Thinking thinking,
                                                  const std::function<bool(const std::string&)>& is_token);

}  // namespace clawrl::grammar
