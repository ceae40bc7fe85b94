// The part of the engine that knows which policy versions live.

#include <algorithm>

#include "core/error.hpp"
#include "rollout/engine.hpp"

namespace clawrl {

void Engine::set_newest(std::int64_t version) {
  const auto versions = policy_.versions();
  expect(std::find(versions.begin(), versions.end(), version) != versions.end(),
         "policy version " + std::to_string(version) + " is not published and cannot be the newest");
  retiring_.erase(version);
  newest_ = version;
}

void Engine::retire(std::int64_t version) {
  expect(version != newest_, "policy version " + std::to_string(version) + " is the newest and cannot be retired");
  retiring_.insert(version);
  free_retired();
}

bool Engine::in_use(std::int64_t version) const {
  return std::any_of(sequences_.begin(), sequences_.end(),
                     [&](const auto& entry) { return entry.second->version == version; });
}

void Engine::free_retired() {
  for (auto at = retiring_.begin(); at != retiring_.end();) {
    if (in_use(*at)) {
      ++at;
      continue;
    }
    prefix_.drop_version(*at);
    policy_.discard(*at);
    at = retiring_.erase(at);
  }
}

EngineStatistics Engine::statistics() const {
  EngineStatistics now_held = statistics_;
  now_held.preemptions = scheduler_.preemptions();
  now_held.evictions = prefix_.evictions();
  now_held.waiting = scheduler_.waiting();
  now_held.running = scheduler_.running();
  now_held.free_blocks = blocks_.free();
  now_held.idle_blocks = blocks_.idle();
  now_held.used_blocks = blocks_.used();
  now_held.context = context_;
  return now_held;
}

}  // namespace clawrl
