#include "model/torch/scoring.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "core/error.hpp"
#include "model/torch/row_masks.hpp"

namespace clawrl {
namespace {

constexpr std::int64_t padded_token_budget = 8192;       // of one forward, unless a single sequence is longer
constexpr std::int64_t logit_budget = 16 * 1024 * 1024;  // floats of one chunk of rows

std::int64_t length(const ScoreRequest& request) {
  return static_cast<std::int64_t>(request.ids.size());
}

std::int64_t responses(const ScoreRequest& request) {
  return length(request) - request.response_begin;
}

void check(const TokenMasks& masks, std::int64_t rows, std::int64_t vocabulary) {
  require(masks.empty() || static_cast<std::int64_t>(masks.rows.size()) == rows,
          "score: masks must have one row per response token");
  for (const auto row : masks.rows)
    require(row >= -1 && row < static_cast<std::int64_t>(masks.sets.size()),
            "score: masks names a set that is not there");
  for (const auto& runs : masks.sets) {
    const bool ascending = std::adjacent_find(runs.begin(), runs.end(), std::greater_equal<>()) == runs.end();
    require(!runs.empty() && runs.size() % 2 == 0 && ascending && runs.front() >= 0 && runs.back() <= vocabulary,
            "score: masks must be ascending runs of ids within the vocabulary");
  }
}

void check(const ScoreRequest& r, const ModelConfig& config) {
  require(r.response_begin >= 1 && r.response_begin <= length(r),
          "score: response_begin must be between 1 and the number of ids");
  require(r.temperature > 0, "score: temperature must be positive");
  require(r.top_k >= 0 && r.top_k <= config.vocab_size && r.gather_width >= 0, "score: bad top_k or gather_width");
  require(static_cast<std::int64_t>(r.gather_ids.size()) == responses(r) * r.gather_width,
          "score: gather_ids must hold gather_width ids per response token");
  check(r.masks, responses(r), config.vocab_size);
  auto known = [&](TokenId id) { return id >= 0 && id < config.vocab_size; };
  auto all_known = [&](const std::vector<TokenId>& ids) { return std::all_of(ids.begin(), ids.end(), known); };
  require(all_known(r.ids) && all_known(r.gather_ids),
          "score: a token id lies outside the vocabulary of " + std::to_string(config.vocab_size));
}

at::Tensor id_tensor(const TokenId* ids, std::int64_t count) {
  return at::from_blob(const_cast<TokenId*>(ids), {count}, at::kInt).to(at::kLong);
}

template <class T>
void append(std::vector<T>& to, const at::Tensor& from) {
  const auto host = from.to(at::kCPU, std::is_same_v<T, float> ? at::kFloat : at::kInt).contiguous();
  const auto* begin = static_cast<const T*>(host.const_data_ptr());
  to.insert(to.end(), begin, begin + host.numel());
}

void forbid_rows(const at::Tensor& logits, const TokenMasks& masks, std::int64_t from, std::int64_t count) {
  if (masks.empty()) return;
  std::vector<const IdRuns*> rows;
  for (std::int64_t r = from; r < from + count; ++r) rows.push_back(masks.row(static_cast<std::size_t>(r)));
  forbid(logits, rows);
}

// A mask may leave fewer ids than were asked for: the row repeats its first, as what the sampler records does.
void repeat_first(ScoreResult& result, std::size_t width, std::size_t begin) {
  for (std::size_t at = begin; at < result.topk_ids.size(); ++at) {
    if (std::isfinite(result.topk_logprobs[at])) continue;
    result.topk_ids[at] = result.topk_ids[at - at % width];
    result.topk_logprobs[at] = result.topk_logprobs[at - at % width];
  }
}

// Response tokens [from, from + count) of one sequence; states [count, D] predict them.
void score_rows(const Transformer& transformer, const WeightSet& weights, const ScoreRequest& request,
                const at::Tensor& states, std::int64_t from, std::int64_t count, ScoreResult& result) {
  auto logits = transformer.logits(weights, states);
  if (request.temperature != 1.0F) logits.div_(request.temperature);
  forbid_rows(logits, request.masks, from, count);
  const auto logprobs = at::log_softmax(logits, -1);
  const auto target = id_tensor(request.ids.data() + request.response_begin + from, count).to(states.device());
  append(result.logprobs, logprobs.gather(1, target.unsqueeze(1)));
  if (request.top_k > 0) {
    const auto width = static_cast<std::size_t>(request.top_k);
    const auto [values, ids] = at::topk(logprobs, request.top_k, 1);
    append(result.topk_logprobs, values);
    append(result.topk_ids, ids);
    if (!request.masks.empty())
      repeat_first(result, width, result.topk_ids.size() - static_cast<std::size_t>(count) * width);
  }
  if (request.gather_width > 0) {
    const auto* wanted = request.gather_ids.data() + from * request.gather_width;
    const auto ids = id_tensor(wanted, count * request.gather_width).view({count, request.gather_width});
    append(result.gathered, logprobs.gather(1, ids.to(states.device())));
  }
}

// One padded forward; `batch` holds indices into requests.
void score_batch(Transformer& transformer, const WeightSet& weights, std::span<const ScoreRequest> requests,
                 std::span<const std::size_t> batch, std::vector<ScoreResult>& results) {
  const auto rows = static_cast<std::int64_t>(batch.size()), width = length(requests[batch[0]]);
  auto ids = at::zeros({rows, width}, at::kLong);
  for (std::int64_t b = 0; b < rows; ++b) {
    const auto& source = requests[batch[static_cast<std::size_t>(b)]].ids;
    std::copy(source.begin(), source.end(), ids.data_ptr<std::int64_t>() + b * width);
  }
  const auto device = weights.embed.device();
  PaddedAttention attention(rows, width);
  const auto positions = at::arange(width, at::kLong).repeat({rows});
  const auto hidden = transformer.hidden(weights, ids.view({-1}).to(device), positions.to(device), attention);
  const auto chunk = std::max<std::int64_t>(1, logit_budget / transformer.config().vocab_size);
  for (std::int64_t b = 0; b < rows; ++b) {
    const auto index = batch[static_cast<std::size_t>(b)];
    const auto& request = requests[index];
    for (std::int64_t from = 0; from < responses(request); from += chunk) {
      const auto count = std::min(chunk, responses(request) - from);
      const auto states = hidden.narrow(0, b * width + request.response_begin - 1 + from, count);
      score_rows(transformer, weights, request, states, from, count, results[index]);
    }
  }
}

}  // namespace

std::vector<ScoreResult> score_sequences(Transformer& transformer, const WeightSet& weights,
                                         std::span<const ScoreRequest> requests) {
  for (const auto& request : requests) check(request, transformer.config());
  std::vector<std::size_t> order(requests.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](auto a, auto b) { return length(requests[a]) > length(requests[b]); });
  std::vector<ScoreResult> results(requests.size());
  for (std::size_t begin = 0; begin < order.size();) {
    const auto longest = length(requests[order[begin]]);
    auto end = begin + 1;  // neighbours of similar length: at most a third of a row is padding
    while (end < order.size() && static_cast<std::int64_t>(end + 1 - begin) * longest <= padded_token_budget &&
           3 * length(requests[order[end]]) >= 2 * longest)
      ++end;
    score_batch(transformer, weights, requests, std::span(order).subspan(begin, end - begin), results);
    begin = end;
  }
  return results;
}

}  // namespace clawrl
