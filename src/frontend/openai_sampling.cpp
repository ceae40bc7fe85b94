// How a request wants its reply sampled, and how many of them.

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "frontend/json_fields.hpp"

namespace clawrl::fields {
namespace {

constexpr std::size_t kMaxStops = 16;
constexpr std::size_t kMaxBiases = 2048;
constexpr double kMaxBias = 100;

float float_field(const Json& body, const char* key, double low, double high, float otherwise) {
  return static_cast<float>(number_field(body, key, low, high).value_or(otherwise));
}

std::vector<std::pair<TokenId, float>> bias_of(const Json& body) {
  const Json* given = find(body, "logit_bias");
  if (!given) return {};
  if (!given->is_object() || given->size() > kMaxBiases)
    refuse_value("logit_bias", "an object of at most " + std::to_string(kMaxBiases) + " token ids", *given);
  std::vector<std::pair<TokenId, float>> biases;
  for (const auto& [key, value] : given->items()) {
    TokenId id = 0;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
    if (error != std::errc() || end != key.data() + key.size() || id < 0)
      refuse("logit_bias", "logit_bias must have token ids as keys, not " + shown(Json(key)));
    if (!value.is_number() || !(std::abs(value.get<double>()) <= kMaxBias))
      refuse_value("logit_bias." + key, "a number from -100 to 100", value);
    if (value.get<float>() != 0) biases.emplace_back(id, value.get<float>());
  }
  std::sort(biases.begin(), biases.end());
  const auto same = [](const auto& a, const auto& b) { return a.first == b.first; };
  if (std::adjacent_find(biases.begin(), biases.end(), same) != biases.end())
    refuse("logit_bias", "logit_bias names a token twice");
  return biases;
}

void read_penalties(const Json& body, SamplingParameters& sampling) {
  sampling.presence_penalty = float_field(body, "presence_penalty", -2, 2, 0);
  sampling.frequency_penalty = float_field(body, "frequency_penalty", -2, 2, 0);
  sampling.repetition_penalty = float_field(body, "repetition_penalty", 0.01, 10, 1);
  sampling.logit_bias = bias_of(body);
}

}  // namespace

void read_sampling(const Json& body, ChatRequest& request) {
  SamplingParameters& sampling = request.sampling;
  if (const auto t = number_field(body, "temperature", 0, 2)) {
    sampling.temperature = static_cast<float>(*t);
    request.temperature_given = true;
  }
  if (const auto p = number_field(body, "top_p", 0, 1)) sampling.top_p = static_cast<float>(*p);
  if (!(sampling.top_p > 0)) refuse_value("top_p", "a number above 0 and up to 1", body["top_p"]);
  if (const auto k = integer_field(body, "top_k", -1)) sampling.top_k = std::max(*k, 0);  // -1 = off, as in vLLM
  if (const Json* seed = find(body, "seed")) {
    if (!seed->is_number_integer()) refuse_value("seed", "an integer of at most 64 bits", *seed);
    sampling.seed =
        seed->is_number_unsigned() ? seed->get<std::uint64_t>() : static_cast<std::uint64_t>(seed->get<std::int64_t>());
    request.seed_given = true;
  }
  read_penalties(body, sampling);
  request.n = integer_field(body, "n", 1, kMaxReplies).value_or(1);
}

void read_logprobs(const Json& body, ChatRequest& request) {
  request.logprobs = bool_field(body, "logprobs");
  request.top_logprobs = integer_field(body, "top_logprobs", 0, kMaxTopLogprobs).value_or(0);
  if (request.top_logprobs > 0 && !request.logprobs)
    refuse("top_logprobs", "top_logprobs needs logprobs: true beside it");
}

std::vector<std::string> stop_of(const Json& body) {
  const Json* stop = find(body, "stop");
  if (!stop) return {};
  std::vector<std::string> texts;
  if (stop->is_array() && stop->size() <= kMaxStops) {
    for (const Json& text : *stop) texts.push_back(string_of(text, "stop[" + std::to_string(texts.size()) + "]"));
  } else if (stop->is_string()) {
    texts.push_back(stop->get<std::string>());
  } else {
    refuse_value("stop", "a string or an array of at most " + std::to_string(kMaxStops) + " strings", *stop);
  }
  for (const auto& text : texts)
    if (text.empty()) refuse("stop", "stop must not have an empty string");
  return texts;
}

bool include_usage_of(const Json& body) {
  const Json* options = find(body, "stream_options");
  if (!options) return false;
  if (!options->is_object()) refuse_value("stream_options", "an object", *options);
  return bool_field(*options, "include_usage");
}

}  // namespace clawrl::fields
