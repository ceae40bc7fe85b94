#include "privacy/learning_rules.hpp"

#include <algorithm>
#include <span>

#include "core/checksum.hpp"
#include "core/error.hpp"

namespace clawrl {

Learning learning_named(const std::string& word) {
  for (Learning one : {Learning::learn, Learning::store, Learning::off})
    if (word == name(one)) return one;
  throw InternalError("no kind of learning is named " + word);
}

std::int64_t LearningRules::hash(const std::string& session) {
  return static_cast<std::int64_t>(checksum(std::as_bytes(std::span(session))));
}

std::int64_t LearningRules::set(std::int64_t session, Learning learning) {
  if (learning == Learning::learn) {
    if (sessions_.erase(session) > 0) order_.erase(std::find(order_.begin(), order_.end(), session));
    return 0;
  }
  if (!sessions_.insert_or_assign(session, learning).second) return 0;
  order_.push_back(session);
  if (order_.size() <= most_sessions) return 0;
  const std::int64_t oldest = order_.front();
  order_.pop_front();
  sessions_.erase(oldest);
  return oldest;
}

Learning LearningRules::effective(Learning asked, const std::string& session) const {
  const Learning strictest = std::max(asked, server_);
  if (session.empty() || sessions_.empty()) return strictest;
  const auto found = sessions_.find(hash(session));
  return found == sessions_.end() ? strictest : std::max(strictest, found->second);
}

}  // namespace clawrl
