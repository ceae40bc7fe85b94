#include "clients/scripted_sampler.hpp"

#include <algorithm>
#include <cmath>

#include "core/error.hpp"
#include "prompt/reply_format.hpp"

namespace clawrl::test {
namespace {

ScriptedSampler::Clock::duration seconds(double value) {
  return std::chrono::duration_cast<ScriptedSampler::Clock::duration>(std::chrono::duration<double>(value));
}

/// The token that was said has half of the probability; the others of the top k share a quarter.
constexpr float said = -0.6931472F;

void add_top_k(Completion& part, TokenId token, std::int32_t k) {
  if (k == 0) return;
  part.topk_ids.push_back(token);
  part.topk_logprobs.push_back(said);
  for (TokenId other = 0; static_cast<std::int32_t>(part.topk_ids.size()) < k; ++other) {
    if (other == token) continue;
    part.topk_ids.push_back(other);
    part.topk_logprobs.push_back(std::log(0.25F / static_cast<float>(k)));
  }
}

}  // namespace

ScriptedSampler::ScriptedSampler(Script script, Tokenizer tokenizer, ConstraintCompiler compiler)
    : script_(std::move(script)), tokenizer_(std::move(tokenizer)), compiler_(std::move(compiler)) {}

std::vector<TokenId> ScriptedSampler::ids_of(const ScriptRule& rule, std::string_view prompt,
                                             const GenerateRequest& request) const {
  std::string text = rule.reply;
  const bool may_think = request.constraint.kind == Constraint::Kind::none && !prompt.ends_with("</think>\n\n");
  if (!rule.think.empty() && may_think) text = "<think>\n" + rule.think + "\n</think>\n\n" + text;
  std::vector<TokenId> ids = tokenizer_.encode(text);
  if (!rule.endless && rule.fail.empty()) ids.push_back(request.stop.stop_tokens.at(0));
  return ids;
}

void ScriptedSampler::submit(const GenerateRequest& request) {
  Sequence sequence;
  sequence.request = request;
  const std::string prompt = tokenizer_.decode(request.prompt, false);
  try {
    sequence.rule = script_.choose(prompt);
    sequence.ids = ids_of(sequence.rule, prompt, request);
    if (request.constraint.kind != Constraint::Kind::none)
      sequence.matcher = compiler_.match(request.constraint, request.prompt, request.stop.stop_tokens);
  } catch (const UserError& error) {
    sequence.error = error.what();
  }
  sequence.due = Clock::now() + seconds(sequence.rule.first_token_s);
  sequences_.emplace(request.id, std::move(sequence));
}

std::vector<CompletionDelta> ScriptedSampler::step() {
  std::vector<CompletionDelta> deltas;
  const auto now = Clock::now();
  for (auto at = sequences_.begin(); at != sequences_.end();) {
    if (at->second.due > now) {
      ++at;
      continue;
    }
    deltas.push_back(advance(at->second));
    at = deltas.back().part.finish == FinishReason::none ? std::next(at) : sequences_.erase(at);
  }
  return deltas;
}

std::optional<ScriptedSampler::Clock::time_point> ScriptedSampler::next_due() const {
  std::optional<Clock::time_point> first;
  for (const auto& [id, sequence] : sequences_)
    if (!first || sequence.due < *first) first = sequence.due;
  return first;
}

CompletionDelta ScriptedSampler::advance(Sequence& sequence) {
  CompletionDelta delta{sequence.request.id, {}};
  delta.part.sampling = sequence.request.sampling;
  try {
    require(sequence.error.empty(), sequence.error);
    require(sequence.rule.fail.empty() || sequence.next < sequence.ids.size(), sequence.rule.fail);
    sample(sequence, delta.part);
  } catch (const UserError& error) {
    delta.part.finish = FinishReason::failed;
    delta.part.error = error.what();
  }
  sequence.due = Clock::now() + seconds(sequence.rule.token_s);
  return delta;
}

void ScriptedSampler::sample(Sequence& sequence, Completion& part) {
  const TokenId token = sequence.ids.at(sequence.next);
  if (sequence.matcher) hold_to_constraint(sequence, token, part);
  part.ids = {token};
  part.logprobs = part.logprobs_t1 = {said};
  part.versions = {0};
  add_top_k(part, token, sequence.request.record_top_k);
  ++sequence.sampled;
  ++sequence.next;
  const auto& stops = sequence.request.stop.stop_tokens;
  if (std::find(stops.begin(), stops.end(), token) != stops.end())
    part.finish = FinishReason::stop;
  else if (sequence.sampled == static_cast<std::size_t>(sequence.request.stop.max_tokens))
    part.finish = FinishReason::length;
  else if (sequence.rule.endless && sequence.next == sequence.ids.size())
    sequence.next = 0;
}

void ScriptedSampler::hold_to_constraint(Sequence& sequence, TokenId token, Completion& part) {
  const auto allowed = sequence.matcher->allowed();
  require(sequence.matcher->accept(token), "the scripted reply breaks the request's constraint at token " +
                                               std::to_string(sequence.sampled) + " (" +
                                               std::string(tokenizer_.bytes_of(token)) + ")");
  const auto known = std::find(sequence.masks.begin(), sequence.masks.end(), *allowed);
  part.masks.rows = {static_cast<std::int32_t>(known - sequence.masks.begin())};
  if (known != sequence.masks.end()) return;
  part.masks.sets = {*allowed};
  sequence.masks.push_back(*allowed);
}

}  // namespace clawrl::test
