#include "probe/model_probe.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.hpp"
#include "rollout/append.hpp"

namespace clawrl {
namespace {

constexpr std::int32_t largest_step = 256;  // tokens

EngineSettings engine_settings(std::int32_t context) {
  EngineSettings settings;
  settings.num_blocks = (context + settings.block_size - 1) / settings.block_size;
  settings.max_batch = 1;
  settings.max_context = context;
  settings.prefill_budget = largest_step;
  settings.prefix_cache = false;
  return settings;
}

std::vector<float> log_softmax(std::span<const float> logits, double temperature) {
  const double highest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float x : logits) sum += std::exp((x - highest) / temperature);
  std::vector<float> row;
  row.reserve(logits.size());
  for (const float x : logits) row.push_back(static_cast<float>((x - highest) / temperature - std::log(sum)));
  return row;
}

}  // namespace

ModelProbe::ModelProbe(const std::string& folder, const std::string& device, std::int32_t context)
    : policy_(make_policy(folder, device)), settings_(engine_settings(context)), engine_(*policy_, settings_) {}

void ModelProbe::check_ids(const std::vector<TokenId>& ids) const {
  require(
      ids.size() <= static_cast<std::size_t>(settings_.max_context),
      std::to_string(ids.size()) + " tokens are more than probe.context = " + std::to_string(settings_.max_context));
  for (const TokenId id : ids)
    require(id >= 0 && id < config().vocab_size,
            "id " + std::to_string(id) + " is not below the model's vocab_size " + std::to_string(config().vocab_size));
}

LogprobsAnswer ModelProbe::logprobs(const LogprobsCase& question) {
  check_ids(question.ids);
  return question.paged ? step(question) : score(question);
}

LogprobsAnswer ModelProbe::score(const LogprobsCase& question) {
  LogprobsAnswer answer{question.positions, {}, {}, {}};
  if (question.ids.size() > 1) {
    const ScoreRequest request{question.ids, 1, question.temperature, 0, 0, {}, {}};
    const auto all = policy_->score(0, {&request, 1})[0].logprobs;  // entry p is of the token after position p
    for (const std::int32_t p : question.positions)
      if (static_cast<std::size_t>(p) < all.size()) answer.logprobs.push_back(all[static_cast<std::size_t>(p)]);
  }
  if (question.rows == LogprobsCase::Rows::log_softmax)
    for (const std::int32_t p : question.positions) answer.log_softmax.push_back(distribution(question, p));
  return answer;
}

/// All log-probs behind a position: asked for as those of one more token, which stands for any.
std::vector<float> ModelProbe::distribution(const LogprobsCase& question, std::int32_t position) {
  ScoreRequest request;
  request.ids.assign(question.ids.begin(), question.ids.begin() + position + 1);
  request.response_begin = position + 1;
  request.ids.push_back(0);
  request.temperature = question.temperature;
  request.gather_width = static_cast<std::int32_t>(config().vocab_size);
  request.gather_ids.resize(static_cast<std::size_t>(config().vocab_size));
  std::iota(request.gather_ids.begin(), request.gather_ids.end(), 0);
  return policy_->score(0, {&request, 1})[0].gathered;
}

/// The engine is idle and keeps no prefixes: all blocks are free. Every wanted position ends a step.
LogprobsAnswer ModelProbe::step(const LogprobsCase& question) {
  LogprobsAnswer answer{question.positions, {}, {}, {}};
  std::vector<std::int32_t> blocks(static_cast<std::size_t>(settings_.num_blocks));
  std::iota(blocks.rbegin(), blocks.rend(), 0);  // not in order, as in a real batch
  const std::span<const TokenId> ids = question.ids;
  const std::int32_t most = question.chunk ? std::min(question.chunk, largest_step) : largest_step;
  std::int32_t at = 0;
  for (const std::int32_t p : question.positions) {
    std::span<const float> logits;
    while (at <= p) {
      const std::int32_t count = std::min(most, p + 1 - at);
      const SequenceStep one{0, ids.subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(count)), at, blocks,
                             at + count == p + 1};
      logits = policy_->step({&one, 1});
      at += count;
    }
    auto row = log_softmax(logits, question.temperature);
    if (static_cast<std::size_t>(at) < ids.size())
      answer.logprobs.push_back(row[static_cast<std::size_t>(ids[static_cast<std::size_t>(at)])]);
    if (question.rows == LogprobsCase::Rows::logits) answer.logits.emplace_back(logits.begin(), logits.end());
    if (question.rows == LogprobsCase::Rows::log_softmax) answer.log_softmax.push_back(std::move(row));
  }
  return answer;
}

GenerateAnswer ModelProbe::generate(const GenerateCase& question, std::vector<TokenId> prompt) {
  require(!prompt.empty(), "the prompt has no tokens");
  check_ids(prompt);
  GenerateAnswer answer;
  answer.prompt_tokens = prompt.size();
  GenerateRequest request;
  request.id = {++requests_};
  request.prompt = std::move(prompt);
  request.sampling = question.sampling;
  request.stop.max_tokens = question.max_tokens;
  request.stop.stop_tokens = question.stop_tokens.value_or(config().eos_tokens);
  engine_.submit(std::move(request));
  bool more = true;
  while (more) {
    more = engine_.step();
    for (const CompletionDelta& delta : engine_.take_deltas()) append(answer.completion, delta.part);
  }
  require(answer.completion.finish != FinishReason::failed, "generation failed: " + answer.completion.error);
  return answer;
}

}  // namespace clawrl
