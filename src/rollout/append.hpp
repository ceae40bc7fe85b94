#pragma once
// Putting a request's deltas together again.

#include "core/generation.hpp"

namespace clawrl {

/// `whole` starts as Completion{}; parts come in order. After the last one it is the request's completion.
inline void append(Completion& whole, const Completion& part) {
  const auto add = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
  add(whole.ids, part.ids);
  add(whole.logprobs, part.logprobs);
  add(whole.logprobs_t1, part.logprobs_t1);
  add(whole.topk_ids, part.topk_ids);
  add(whole.topk_logprobs, part.topk_logprobs);
  add(whole.versions, part.versions);
  add(whole.masks.rows, part.masks.rows);  // rows count in the whole's sets: a part brings only those not seen before
  add(whole.masks.sets, part.masks.sets);
  whole.sampling = part.sampling;
  whole.finish = part.finish;
  whole.cached_tokens = part.cached_tokens;
  whole.error = part.error;
}

}  // namespace clawrl
