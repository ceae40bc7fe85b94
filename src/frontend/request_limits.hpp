#pragma once
// How many requests may be under way, in all and for one key.

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "frontend/chat_service.hpp"
#include "frontend/http_settings.hpp"

namespace clawrl {

/// Thread-safe; outlived by no Place.
class RequestLimits {
 public:
  explicit RequestLimits(const HttpSettings& settings) : settings_(settings) {}

  /// A request under way; its place is free again when this goes.
  class Place {
   public:
    Place() = default;
    Place(RequestLimits* limits, std::string key) : limits_(limits), key_(std::move(key)) {}
    Place(Place&& other) noexcept : limits_(std::exchange(other.limits_, nullptr)), key_(std::move(other.key_)) {}
    Place& operator=(Place&& other) noexcept {
      release();
      limits_ = std::exchange(other.limits_, nullptr);
      key_ = std::move(other.key_);
      return *this;
    }
    ~Place() { release(); }
    void release();

   private:
    RequestLimits* limits_ = nullptr;
    std::string key_;
  };

  struct Refusal {
    ChatError error;  // 429, naming the setting
    int retry_after_s = 1;
  };

  /// `key` is nullptr where none is needed: such requests count as one key. `now_s` on any steady clock.
  std::variant<Place, Refusal> admit(const ApiKey* key, double now_s);
  std::int64_t under_way() const;

 private:
  struct Usage {
    int under_way = 0;
    double allowance = 0, refilled_s = 0;  // requests that the rate still allows
    bool seen = false;
  };
  Refusal refuse(const std::string& what, const std::string& setting, double limit, int retry_after_s) const;

  const HttpSettings& settings_;
  mutable std::mutex mutex_;
  std::int64_t all_ = 0;
  std::map<std::string, Usage> keys_;  // as many as there are keys
};

}  // namespace clawrl
