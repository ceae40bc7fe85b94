#pragma once
// Which of a user's past turns is meant? Word overlap weighted by rarity, within the times that were said.

#include <cstdint>
#include <string>
#include <vector>

#include "core/ids.hpp"
#include "feedback/credit_claim.hpp"

namespace clawrl {

struct PastTurn {
  TurnId id;
  double created_s = 0;  // Unix seconds
  std::string asked;     // the user's words
  std::string replied;
};

struct SearchHit {
  TurnId turn;
  double confidence = 0;  // 0..1
};

/// The one turn that the claim speaks of, or no hit (turn 0, confidence 0) when none or several fit equally.
/// `turns`: all of the user's that may be meant, in any order; `previous`: the reply right before the message, which a
/// claim about the past does not mean (its own verdict is the PRM's business); 0 = none.
SearchHit find_turn(const CreditClaim& claim, const std::vector<PastTurn>& turns, TurnId previous);

}  // namespace clawrl
