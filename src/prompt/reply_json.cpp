#include "prompt/reply_json.hpp"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <utility>

namespace clawrl {
namespace {

using Json = nlohmann::json;

constexpr std::size_t deepest = 100;
constexpr std::string_view white = " \t\r\n";

bool is_digit(char byte) {
  return byte >= '0' && byte <= '9';
}

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(white);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(white) - begin + 1);
}

/// What a string literal says; "" if it is none.
std::string decoded(std::string_view literal) {
  const Json json = Json::parse(literal.begin(), literal.end(), nullptr, false);
  return json.is_string() ? json.get<std::string>() : std::string();
}

}  // namespace

JsonScanner::State JsonScanner::push(char byte) {
  if (state_ != State::open) return bad();
  switch (at_) {
    case At::string:
      if (byte == '"') return key_ ? (at_ = At::colon, state_) : value_ended();
      if (byte == '\\') at_ = At::escape;
      return static_cast<unsigned char>(byte) < 0x20 ? bad() : state_;
    case At::escape:
      at_ = byte == 'u' ? At::hex : At::string;
      hex_left_ = 4;
      return std::string_view("\"\\/bfnrtu").find(byte) == std::string_view::npos ? bad() : state_;
    case At::hex:
      if (--hex_left_ == 0) at_ = At::string;
      return std::isxdigit(static_cast<unsigned char>(byte)) ? state_ : bad();
    case At::literal:
      if (byte != *literal_) return bad();
      return *++literal_ == 0 ? value_ended() : state_;
    case At::number:
      if (number_goes_on(byte)) return state_;
      if (state_ == State::bad) return state_;
      value_ended();
      return structure(byte);
    default:
      return structure(byte);
  }
}

JsonScanner::State JsonScanner::structure(char byte) {
  if (white.find(byte) != std::string_view::npos) return open_.empty() ? bad() : state_;
  switch (at_) {
    case At::first_value:
      return byte == ']' ? close(byte) : begin_value(byte);
    case At::value:
      return begin_value(byte);
    case At::first_key:
      if (byte == '}') return close(byte);
      [[fallthrough]];
    case At::key:
      if (byte != '"') return bad();
      key_ = true;
      at_ = At::string;
      return state_;
    case At::colon:
      at_ = At::value;
      return byte == ':' ? state_ : bad();
    default:  // next
      if (byte != ',') return close(byte);
      at_ = open_.back() == '}' ? At::key : At::value;
      return state_;
  }
}

JsonScanner::State JsonScanner::begin_value(char byte) {
  if (byte == '{') return open('}', At::first_key);
  if (byte == '[') return open(']', At::first_value);
  if (open_.empty()) return bad();
  key_ = false;
  at_ = byte == '"' ? At::string : byte == '-' || is_digit(byte) ? At::number : At::literal;
  if (at_ == At::number) number_ = byte == '-' ? '-' : byte == '0' ? '0' : '1';
  if (at_ == At::literal) literal_ = byte == 't' ? "rue" : byte == 'f' ? "alse" : byte == 'n' ? "ull" : "";
  return at_ == At::literal && *literal_ == 0 ? bad() : state_;
}

JsonScanner::State JsonScanner::open(char closing, At then) {
  if (open_.size() == deepest) return bad();
  open_ += closing;
  at_ = then;
  return state_;
}

JsonScanner::State JsonScanner::close(char byte) {
  if (open_.empty() || open_.back() != byte) return bad();
  open_.pop_back();
  return value_ended();
}

JsonScanner::State JsonScanner::value_ended() {
  at_ = At::next;
  if (open_.empty()) state_ = State::whole;
  return state_;
}

/// number_: '-' sign, '0' leading zero, '1' digits, '.' point, 'f' fraction, 'e' exponent mark, 's' its sign, 'x'
/// digits.
bool JsonScanner::number_goes_on(char byte) {
  const bool digit = is_digit(byte), mark = byte == 'e' || byte == 'E';
  char next = 0;
  switch (number_) {
    case '-':
      next = byte == '0' ? '0' : digit ? '1' : '!';
      break;
    case '0':
      next = byte == '.' ? '.' : mark ? 'e' : 0;
      break;
    case '1':
      next = digit ? '1' : byte == '.' ? '.' : mark ? 'e' : 0;
      break;
    case '.':
      next = digit ? 'f' : '!';
      break;
    case 'f':
      next = digit ? 'f' : mark ? 'e' : 0;
      break;
    case 'e':
      next = byte == '+' || byte == '-' ? 's' : digit ? 'x' : '!';
      break;
    case 's':
      next = digit ? 'x' : '!';
      break;
    default:
      next = digit ? 'x' : 0;
  }
  if (next == '!') bad();
  if (next == 0 || next == '!') return false;
  number_ = next;
  return true;
}

CallObject CallObject::of_arguments(std::string name) {
  CallObject call({});
  call.name_ = std::move(name);
  call.bare_ = true;
  return call;
}

JsonScanner::State CallObject::push(char byte) {
  const std::size_t depth_before = scanner_.depth();
  const bool quoted = scanner_.quoted();
  const JsonScanner::State state = scanner_.push(byte);
  if (state == JsonScanner::State::bad) return state;
  text_ += byte;
  if (bare_) {
    new_ += byte;
    return state;
  }
  if (!quoted && depth_before <= 1) note(byte, depth_before);
  if (begins_ && !first_key_.empty() && !begins_(first_key_)) return JsonScanner::State::bad;
  if (streams_ && (depth_before > 1 || scanner_.depth() > 1)) new_ += byte;
  if (state != JsonScanner::State::whole) return state;
  return named() && rank_ != SIZE_MAX ? state : JsonScanner::State::bad;
}

void CallObject::note(char byte, std::size_t depth_before) {
  const std::size_t here = text_.size() - 1;
  const std::string_view part = trimmed(std::string_view(text_).substr(part_begin_, here - part_begin_));
  if (byte == ':') {
    key_ = decoded(part);
    if (first_key_.empty()) first_key_ = key_;
  } else if (depth_before == 1 && (byte == ',' || byte == '}')) {
    value_ended(part);
  } else if (depth_before == 1 && byte == '{') {
    streams_ =
        rank_ == SIZE_MAX && std::find(argument_keys_.begin(), argument_keys_.end(), key_) != argument_keys_.end();
    return;
  } else if (depth_before == 1) {
    return;
  }
  part_begin_ = here + 1;
}

void CallObject::value_ended(std::string_view value) {
  const auto found = std::find(argument_keys_.begin(), argument_keys_.end(), key_);
  const auto rank = static_cast<std::size_t>(found - argument_keys_.begin());
  if (key_ == "name") name_ = decoded(value);
  if (found != argument_keys_.end() && rank <= rank_) {
    rank_ = rank;
    arguments_ = value;
  }
  streams_ = false;
}

std::string CallObject::arguments() const {
  if (bare_) return text_;
  if (!arguments_.starts_with('"')) return arguments_;
  const std::string inner = decoded(arguments_);
  return Json::parse(inner, nullptr, false).is_object() ? inner : arguments_;
}

std::string CallObject::new_arguments() {
  return std::exchange(new_, {});
}

}  // namespace clawrl
