#include "frontend/request_limits.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace clawrl {

void RequestLimits::Place::release() {
  if (!limits_) return;
  const std::lock_guard lock(limits_->mutex_);
  --limits_->all_;
  --limits_->keys_[key_].under_way;
  limits_ = nullptr;
}

std::int64_t RequestLimits::under_way() const {
  const std::lock_guard lock(mutex_);
  return all_;
}

RequestLimits::Refusal RequestLimits::refuse(const std::string& what, const std::string& setting, double limit,
                                             int retry_after_s) const {
  const std::string shown = std::to_string(static_cast<std::int64_t>(limit));
  return {{429, "rate_limit_error", "rate_limit_exceeded", "",
           "too many requests " + what + " (" + setting + " = " + shown + "); try again in " +
               std::to_string(retry_after_s) + " s"},
          retry_after_s};
}

std::variant<RequestLimits::Place, RequestLimits::Refusal> RequestLimits::admit(const ApiKey* key, double now_s) {
  const std::string id = key ? key->id : "";
  const int most = key && key->max_requests > 0 ? key->max_requests : settings_.max_requests_per_key;
  const double per_minute = settings_.key_requests_per_minute;
  const std::lock_guard lock(mutex_);
  if (settings_.max_requests > 0 && all_ >= settings_.max_requests)
    return refuse("at once", "http.max_requests", settings_.max_requests, 1);
  Usage& usage = keys_[id];
  if (most > 0 && usage.under_way >= most)
    return refuse(
        "of this key at once",
        key && key->max_requests > 0 ? "requests of its line in http.api_keys_file" : "http.max_requests_per_key", most,
        1);
  if (per_minute > 0) {
    if (!std::exchange(usage.seen, true))
      usage.allowance = per_minute;
    else
      usage.allowance = std::min(per_minute, usage.allowance + (now_s - usage.refilled_s) * per_minute / 60);
    usage.refilled_s = now_s;
    if (usage.allowance < 1)
      return refuse("of this key per minute", "http.key_requests_per_minute", per_minute,
                    static_cast<int>(std::ceil((1 - usage.allowance) * 60 / per_minute)));
    usage.allowance -= 1;
  }
  ++all_;
  ++usage.under_way;
  return Place(this, id);
}

}  // namespace clawrl
