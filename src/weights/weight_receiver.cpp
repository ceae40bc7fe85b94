#include "weights/weight_receiver.hpp"

#include <cstring>

#include "core/checksum.hpp"

namespace clawrl {

WeightReceiver::Incoming& WeightReceiver::incoming(const WeightChunk& chunk) {
  const auto [entry, fresh] = incoming_.try_emplace(chunk.version);
  Incoming& in = entry->second;
  if (!fresh) return in;
  for (Policy* policy : policies_) in.shadows.push_back(policy->shadow(chunk.version));
  in.parameters_missing = chunk.parameters;
  in.missing.assign(static_cast<std::size_t>(chunk.parameters), -1);
  return in;
}

void WeightReceiver::take(const Envelope& envelope) {
  const auto chunk = envelope.open<WeightChunk>();
  Incoming& in = incoming(chunk);
  if (in.parameters_missing <= 0) return;  // discarded: an earlier chunk did not agree
  const auto index = static_cast<std::size_t>(chunk.parameter);
  std::string error;
  for (auto& shadow : in.shadows) {
    if (static_cast<std::int32_t>(shadow.size()) != chunk.parameters || index >= shadow.size() ||
        static_cast<std::int64_t>(shadow[index].bytes()) != chunk.parameter_bytes || chunk.offset < 0 ||
        chunk.offset + static_cast<std::int64_t>(envelope.payload.size()) > chunk.parameter_bytes)
      return finish(chunk.version, "parameter " + std::to_string(chunk.parameter) + " has another size or place here");
    std::memcpy(static_cast<std::byte*>(shadow[index].data) + chunk.offset, envelope.payload.data(),
                envelope.payload.size());
  }
  if (in.missing[index] < 0) in.missing[index] = chunk.parameter_bytes;
  in.missing[index] -= static_cast<std::int64_t>(envelope.payload.size());
  in.bytes += static_cast<std::int64_t>(envelope.payload.size());
  if (in.missing[index] > 0) return;
  for (const auto& shadow : in.shadows) {
    const auto* bytes = static_cast<const std::byte*>(shadow[index].data);
    if (checksum({bytes, shadow[index].bytes()}) != chunk.parameter_checksum)
      error = "checksum of " + shadow[index].name + " does not agree";
  }
  if (!error.empty()) return finish(chunk.version, error);
  if (--in.parameters_missing == 0) finish(chunk.version, "");
}

void WeightReceiver::finish(std::int64_t version, const std::string& error) {
  Incoming& in = incoming_.at(version);
  const Outcome outcome{version, in.bytes, error};
  if (error.empty()) {
    incoming_.erase(version);
  } else {
    in.parameters_missing = 0;  // later chunks of this version are ignored
    in.shadows.clear();
    for (Policy* policy : policies_) policy->discard(version);
  }
  done_(outcome);
}

}  // namespace clawrl
