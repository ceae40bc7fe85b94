#include "rollout/engine.hpp"

#include <algorithm>

#include "core/error.hpp"
#include "kernels/log_softmax.hpp"
#include "kernels/runtime.hpp"
#include "rollout/request_check.hpp"

namespace clawrl {

namespace {

/// The mask for the token that is drawn now. Empty, or why there is none.
std::string find_allowed(Sequence& sequence) {
  if (!sequence.matcher) return "";
  sequence.allowed = sequence.matcher->allowed();
  return sequence.allowed->empty() ? "the vocabulary has no token that the constraint allows here" : "";
}

bool published(const Policy& policy, std::int64_t version) {
  const auto versions = policy.versions();
  return std::find(versions.begin(), versions.end(), version) != versions.end();
}

/// A lone sequence can always have all blocks, so this much fits without preempting anybody for ever.
std::int32_t context_of(const Policy& policy, const EngineSettings& settings) {
  const auto slots = static_cast<std::int64_t>(settings.num_blocks) * settings.block_size;
  return static_cast<std::int32_t>(
      std::min({static_cast<std::int64_t>(settings.max_context), context_length(policy.config()), slots}));
}

}  // namespace

Engine::Engine(Policy& policy, const EngineSettings& settings, ConstraintCompiler* compiler)
    : policy_(policy),
      settings_(settings),
      compiler_(compiler),
      vocabulary_(policy.config().vocab_size),
      context_(context_of(policy, settings)),
      blocks_(settings.num_blocks, settings.block_size),
      prefix_(blocks_),
      scheduler_(settings, blocks_, prefix_) {
  require(context_ >= 2, "max_context: " + std::to_string(context_) + " tokens are not allowed, at least 2 are");
  expect(KernelRuntime::running(), "an Engine needs a KernelRuntime");
  const auto versions = policy.versions();
  expect(!versions.empty(), "an Engine needs a Policy with a published version");
  newest_ = versions.back();
  policy_.allocate_cache(settings.num_blocks, settings.block_size);
}

void Engine::submit(GenerateRequest request) {
  expect(!sequences_.contains(request.id), "request id " + std::to_string(request.id.value) + " is in use");
  if (const auto problem = refusal(request, vocabulary_, context_); !problem.empty()) return refuse(request, problem);
  if (request.version && (!published(policy_, *request.version) || retiring_.contains(*request.version))) {
    return refuse(request, "policy version " + std::to_string(*request.version) + " is not served here");
  }
  auto sequence = std::make_unique<Sequence>();
  sequence->request = std::move(request);
  sequence->arrival = arrivals_;
  sequence->version = sequence->request.version;
  sequence->tokens = sequence->request.prompt;
  sequence->counts = kernels::TokenCounts(sequence->request.sampling, sequence->request.prompt);
  if (const auto problem = constrain(*sequence); !problem.empty()) return refuse(sequence->request, problem);
  if (!scheduler_.enqueue(*sequence)) {
    return refuse(sequence->request, "the queue is full: " + std::to_string(settings_.max_waiting) + " requests wait");
  }
  ++arrivals_;
  const RequestId id = sequence->request.id;
  if (sequence->request.deadline_s > 0) deadlines_.emplace(now() + sequence->request.deadline_s, id);
  sequences_.emplace(id, std::move(sequence));
}

void Engine::cancel(RequestId id) {
  cancelled_.push_back(id);
}

bool Engine::step() {
  const auto before = deltas_.size();
  end_cancelled_and_overdue();
  const Plan plan = scheduler_.schedule(newest_);
  if (!plan.empty()) run(plan);
  free_retired();
  return !plan.empty() || deltas_.size() > before;
}

void Engine::end_cancelled_and_overdue() {
  for (auto id : std::exchange(cancelled_, {})) {
    const auto found = sequences_.find(id);
    if (found == sequences_.end()) continue;
    ++statistics_.cancelled;
    finish(*found->second, delta_of(*found->second, FinishReason::cancelled));
  }
  if (deadlines_.empty()) return;
  for (const double time = now(); !deadlines_.empty() && deadlines_.top().first <= time; deadlines_.pop()) {
    const auto found = sequences_.find(deadlines_.top().second);
    if (found == sequences_.end()) continue;
    ++statistics_.overdue;
    finish(*found->second, delta_of(*found->second, FinishReason::deadline));
  }
}

void Engine::run(const Plan& plan) {
  std::vector<SequenceStep> steps;
  steps.reserve(plan.size());
  std::size_t wanted = 0;
  for (const auto& [sequence, count, sampled] : plan) {
    const auto tokens = std::span<const TokenId>(sequence->tokens).subspan(sequence->computed, count);
    steps.push_back({*sequence->version, tokens, sequence->computed, sequence->blocks, sampled});
    wanted += sampled;
    if (sequence->state == SequenceState::prefilling) statistics_.prompt_tokens += count;
  }
  ++statistics_.steps;
  std::vector<kernels::SampledToken> drawn;
  std::vector<std::string> errors;
  try {
    const auto logits = policy_.step(steps);
    expect(logits.size() == wanted * static_cast<std::size_t>(vocabulary_), "Policy::step gave logits of another size");
    errors = draw(plan, logits, drawn);
  } catch (const std::exception& error) {
    for (const auto& chunk : plan) fail(*chunk.sequence, std::string("the step failed: ") + error.what());
    return;
  }
  postprocess(plan, drawn, errors);
}

/// Blocks become known to the prefix cache only after their sequence's logits were found finite.
void Engine::postprocess(const Plan& plan, std::vector<kernels::SampledToken>& drawn,
                         const std::vector<std::string>& errors) {
  std::size_t row = 0;
  for (const auto& chunk : plan) {
    const std::size_t at = row;
    row += chunk.sample;
    if (chunk.sample && !errors[at].empty()) {
      prefix_.drop_version(*chunk.sequence->version);  // its earlier chunks may be what is not finite
      fail(*chunk.sequence, errors[at]);
      continue;
    }
    scheduler_.computed(chunk);
    if (chunk.sample) accept(*chunk.sequence, std::move(drawn[at]));
  }
}

/// One token per sampled chunk in plan order, and per row an error text that is empty where the row was fine.
std::vector<std::string> Engine::draw(const Plan& plan, std::span<const float> logits,
                                      std::vector<kernels::SampledToken>& drawn) {
  std::vector<kernels::SamplingRow> rows;
  std::vector<std::string> errors;
  for (const auto& [sequence, count, sampled] : plan) {
    if (!sampled) continue;
    const auto position = static_cast<std::uint64_t>(sequence->response_length());
    errors.push_back(find_allowed(*sequence));
    const auto allowed = sequence->allowed ? std::span<const TokenId>(*sequence->allowed) : std::span<const TokenId>();
    rows.push_back({sequence->request.sampling, position, sequence->request.record_top_k, allowed,
                    sequence->counts.all(), sequence->request.record_at_t1});
  }
  drawn.resize(rows.size());
  try {
    kernels::sample(rows_of(logits, vocabulary_), rows, drawn);
  } catch (const NonFiniteLogits& error) {
    for (auto bad : error.rows) errors[bad] = "the model's logits are not finite";
  }
  return errors;
}

void Engine::accept(Sequence& sequence, kernels::SampledToken token) {
  TokenMasks masks;
  if (sequence.matcher) accept_constrained(sequence, token.id, masks);
  sequence.tokens.push_back(token.id);
  sequence.counts.add(token.id);
  ++statistics_.sampled_tokens;
  CompletionDelta delta = delta_of(sequence, reason_to_finish(sequence));
  delta.part.ids = {token.id};
  delta.part.masks = std::move(masks);
  delta.part.logprobs = {token.logprob};
  delta.part.logprobs_t1 = {token.logprob_t1};
  delta.part.topk_ids = std::move(token.topk_ids);
  delta.part.topk_logprobs = std::move(token.topk_logprobs);
  delta.part.versions = {*sequence.version};
  if (sequence.response_length() == 1) statistics_.cached_tokens += sequence.cached_tokens;
  if (delta.part.finish == FinishReason::none) {
    deltas_.push_back(std::move(delta));
    return;
  }
  ++statistics_.finished;
  finish(sequence, std::move(delta));
}

FinishReason Engine::reason_to_finish(Sequence& sequence) const {
  const auto& stop = sequence.request.stop;
  const bool stopped =
      std::find(stop.stop_tokens.begin(), stop.stop_tokens.end(), sequence.tokens.back()) != stop.stop_tokens.end();
  if (stopped) return FinishReason::stop;
  if (sequence.matcher && stop.stop_tokens.empty() && sequence.matcher->complete()) return FinishReason::stop;
  const bool full = sequence.response_length() >= stop.max_tokens || sequence.length() >= context_;
  return full ? FinishReason::length : FinishReason::none;
}

/// Destroys the sequence.
void Engine::finish(Sequence& sequence, CompletionDelta delta) {
  scheduler_.remove(sequence);
  deltas_.push_back(std::move(delta));
  sequences_.erase(deltas_.back().id);
}

void Engine::fail(Sequence& sequence, const std::string& error) {
  ++statistics_.failed;
  CompletionDelta delta = delta_of(sequence, FinishReason::failed);
  delta.part.error = error;
  finish(sequence, std::move(delta));
}

CompletionDelta Engine::delta_of(const Sequence& sequence, FinishReason reason) const {
  CompletionDelta delta;
  delta.id = sequence.request.id;
  delta.part.sampling = sequence.request.sampling;
  delta.part.cached_tokens = sequence.cached_tokens;
  delta.part.finish = reason;
  return delta;
}

void Engine::refuse(const GenerateRequest& request, const std::string& error) {
  ++statistics_.failed;
  CompletionDelta delta;
  delta.id = request.id;
  delta.part.sampling = request.sampling;
  delta.part.finish = FinishReason::failed;
  delta.part.error = error;
  deltas_.push_back(std::move(delta));
}

std::vector<CompletionDelta> Engine::take_deltas() {
  return std::exchange(deltas_, {});
}

double Engine::now() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

}  // namespace clawrl
