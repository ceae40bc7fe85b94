#include "prompt/reply_output.hpp"

#include <utility>

namespace clawrl {

std::string tool_call_id(std::int64_t turn, int index) {
  static constexpr char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  constexpr std::uint64_t space = 13'537'086'546'263'552;  // 62^9
  // A factor without a divisor in common with 62 maps the numbers below `space` one to one.
  constexpr unsigned __int128 factor = 6'180'339'887'498'949;
  const std::uint64_t number = (static_cast<std::uint64_t>(turn) * 4096 + static_cast<std::uint64_t>(index)) % space;
  auto mixed = static_cast<std::uint64_t>((factor * number + 271'828'182'845) % space);
  std::string id(9, '0');
  for (char& digit : id) {
    digit = digits[mixed % 62];
    mixed /= 62;
  }
  return id;
}

void ReplyOutput::text(std::string_view delta) {
  message_.text += delta;
  add(ReplyEvent::Kind::text, delta, 0);
}

void ReplyOutput::reasoning(std::string_view delta) {
  message_.reasoning += delta;
  add(ReplyEvent::Kind::reasoning, delta, 0);
}

void ReplyOutput::call(const std::string& name) {
  message_.tool_calls.push_back({tool_call_id(turn_, last_call() + 1), name, ""});
  events_.push_back({ReplyEvent::Kind::call, "", last_call(), message_.tool_calls.back().id, name});
}

void ReplyOutput::arguments(std::string_view delta) {
  message_.tool_calls.back().arguments += delta;
  add(ReplyEvent::Kind::arguments, delta, last_call());
}

void ReplyOutput::add(ReplyEvent::Kind kind, std::string_view delta, int index) {
  if (delta.empty()) return;
  if (!events_.empty() && events_.back().kind == kind && events_.back().index == index)
    events_.back().text += delta;
  else
    events_.push_back({kind, std::string(delta), index, "", ""});
}

std::vector<ReplyEvent> ReplyOutput::take() {
  return std::exchange(events_, {});
}

}  // namespace clawrl
