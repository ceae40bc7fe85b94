#pragma once
// What may be done with a conversation, when the server, its key, its session and the request each have a say.

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>

#include "core/turn.hpp"

namespace clawrl {

/// "learn", "store" or "off", as checked by the settings.
Learning learning_named(const std::string& word);

/// The strictest of all counts: server default, key, session, request. Not thread-safe: the head thread owns it.
class LearningRules {
 public:
  static constexpr std::size_t most_sessions = 1'000'000;  // with a rule; above it the oldest rule goes

  explicit LearningRules(Learning server = Learning::learn) : server_(server) {}

  /// Sessions are known by a hash only: the name of a conversation that is not stored is not stored either.
  static std::int64_t hash(const std::string& session);

  /// Learning::learn lifts a rule. Returns the session whose rule had to go for it; 0 = none.
  std::int64_t set(std::int64_t session, Learning learning);

  /// `asked`: what key and request say together. `session` may be empty: none is stated.
  Learning effective(Learning asked, const std::string& session) const;
  std::size_t sessions() const { return sessions_.size(); }

 private:
  Learning server_;
  std::unordered_map<std::int64_t, Learning> sessions_;
  std::deque<std::int64_t> order_;  // of their first rule
};

}  // namespace clawrl
