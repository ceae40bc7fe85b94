#include "prm/judge_backend.hpp"

#include "rollout/engine.hpp"

namespace clawrl {

JudgeSampler sampler_of(Engine& engine) {
  return {[&engine](GenerateRequest request) { engine.submit(std::move(request)); },
          [&engine](RequestId id) { engine.cancel(id); }, [&engine] { return engine.step(); },
          [&engine] { return engine.take_deltas(); }};
}

TeacherScorer scorer_of(Policy& policy) {
  return {[&policy] { return policy.versions(); },
          [&policy](std::int64_t version, std::span<const ScoreRequest> sequences) {
            return policy.score(version, sequences);
          },
          context_length(policy.config())};
}

}  // namespace clawrl
