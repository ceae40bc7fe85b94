// [TOOL_CALLS] [{"name": "f", "arguments": {...}}, ...]   or   [TOOL_CALLS]f[ARGS]{...}[TOOL_CALLS]g[ARGS]{...}

#include <cctype>

#include "prompt/reply_calls.hpp"

namespace clawrl {
namespace {

constexpr std::string_view tag = "[TOOL_CALLS]", call_id_tag = "[CALL_ID]", arguments_tag = "[ARGS]";
constexpr std::string_view white = " \t\r\n";

bool in_name(char byte) {
  return std::isalnum(static_cast<unsigned char>(byte)) || byte == '_' || byte == '-' || byte == '.';
}

class MistralReader final : public CallReader {
 public:
  MistralReader(ReplyOutput& output, bool eager) : CallReader(output, eager) {}

 private:
  enum class At { text, head, name, mark, call_id, between, element, arguments };

  bool step() override {
    if (pending_.empty()) return false;
    switch (at_) {
      case At::text:
        return text();
      case At::head:
        return head(pending_.front());
      case At::name:
        return function_name(pending_.front());
      case At::mark:
        return mark(pending_.front());
      case At::call_id:
        return call_id(pending_.front());
      case At::between:
        return between(pending_.front());
      default:
        return object();
    }
  }

  bool text() {
    const std::size_t at = pending_.find(tag);
    if (at == std::string::npos) {
      outside_pending(pending_.size() - may_begin(pending_, tag));
      return false;
    }
    outside_pending(at);
    raw_ = tag;
    pending_.erase(0, tag.size());
    at_ = At::head;
    return true;
  }

  bool head(char byte) {
    if (byte == '[') {
      take();
      comma_ = true;
      at_ = At::between;
    } else if (white.find(byte) != std::string_view::npos) {
      take();
    } else if (in_name(byte)) {
      name_.clear();
      at_ = At::name;
    } else {
      give_up(true);
    }
    return true;
  }

  bool function_name(char byte) {
    if (in_name(byte)) {
      name_ += take();
    } else if (byte == '{') {
      begin_arguments();
    } else if (byte == '[') {
      marks_.clear();
      at_ = At::mark;
    } else {
      give_up(true);
    }
    return true;
  }

  /// [ARGS], or [CALL_ID] and some id before it (ids are our own).
  bool mark(char byte) {
    if (arguments_tag.starts_with(marks_ + byte) || call_id_tag.starts_with(marks_ + byte)) {
      marks_ += take();
      if (marks_ == arguments_tag) begin_arguments();
      if (marks_ == call_id_tag) at_ = At::call_id;
    } else {
      give_up(true);
    }
    return true;
  }
  bool call_id(char byte) {
    if (in_name(byte)) {
      take();
    } else if (byte == '[') {
      marks_.clear();
      at_ = At::mark;
    } else {
      give_up(true);
    }
    return true;
  }
  void begin_arguments() {
    call_.emplace(CallObject::of_arguments(name_));
    at_ = At::arguments;
  }

  /// Between the elements of a list.
  bool between(char byte) {
    if (byte == '{' && comma_) {
      call_.emplace(std::vector<std::string_view>{"arguments"});
      at_ = At::element;
    } else if (byte == ',' && !comma_) {
      take();
      comma_ = true;
    } else if (byte == ']') {
      take();
      end_list();
    } else if (white.find(byte) != std::string_view::npos) {
      take();
    } else {
      give_up(true);
    }
    return true;
  }
  void end_list() {
    if (listed_ == 0) return give_up(true);  // an empty list
    raw_.clear();
    begin_text();
  }

  bool object() {
    const JsonScanner::State state = read_object();
    if (state == JsonScanner::State::bad) give_up(true);
    if (state != JsonScanner::State::whole) return true;
    commit();
    if (at_ == At::arguments) {
      begin_text();
    } else {
      ++listed_;
      comma_ = false;
      at_ = At::between;
    }
    return true;
  }

  /// A list whose end is missing has given its calls already; between two of them nothing is lost.
  bool ends_whole() override { return at_ == At::between && listed_ > 0 && raw_.find('{') == std::string::npos; }

  void begin_text() override {
    at_ = At::text;
    listed_ = 0;
  }

  At at_ = At::text;
  std::string name_, marks_;
  bool comma_ = false;  // an element may come
  int listed_ = 0;      // calls of this list
};

}  // namespace

std::unique_ptr<CallReader> make_mistral_reader(ReplyOutput& output, bool eager) {
  return std::make_unique<MistralReader>(output, eager);
}

}  // namespace clawrl
