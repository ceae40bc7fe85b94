// The part of the engine that holds replies to constraints.

#include <algorithm>

#include "core/error.hpp"
#include "rollout/engine.hpp"

namespace clawrl {

/// Empty, or why the request's constraint cannot be held to.
std::string Engine::constrain(Sequence& sequence) {
  const auto& request = sequence.request;
  if (request.constraint.kind == Constraint::Kind::none) return "";
  if (!compiler_) return "this engine has no tokenizer and cannot hold a reply to a constraint";
  try {
    sequence.matcher = compiler_->match(request.constraint, request.prompt, request.stop.stop_tokens);
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

/// A mask goes out with the first token that needs it, later tokens name it by its place.
void Engine::accept_constrained(Sequence& sequence, TokenId token, TokenMasks& masks) {
  expect(sequence.matcher->accept(token), "a token was drawn that its mask does not allow");
  const auto known = std::find_if(sequence.masks.begin(), sequence.masks.end(), [&](const auto& mask) {
    return mask == sequence.allowed || *mask == *sequence.allowed;
  });
  masks.rows = {static_cast<std::int32_t>(known - sequence.masks.begin())};
  if (known != sequence.masks.end()) return;
  masks.sets = {*sequence.allowed};
  sequence.masks.push_back(sequence.allowed);
}

}  // namespace clawrl
