// <tool_call>\n{"name": "f", "arguments": {...}}\n</tool_call>

#include "prompt/reply_calls.hpp"

namespace clawrl {
namespace {

constexpr std::string_view open_tag = "<tool_call>", line_open_tag = "\n<tool_call>", close_tag = "</tool_call>";
constexpr std::string_view white = " \t\r\n";

class HermesReader final : public CallReader {
 public:
  HermesReader(ReplyOutput& output, bool eager) : CallReader(output, eager) {}

 private:
  enum class At { text, before, object, after, broken };

  bool step() override {
    if (pending_.empty()) return false;
    switch (at_) {
      case At::text:
        return text();
      case At::before:
        return before();
      case At::object:
        return object();
      case At::after:
        return after();
      case At::broken:
        break;
    }
    return broken();
  }

  /// The template writes one newline between text and call: it belongs to the tag.
  bool text() {
    const std::size_t at = pending_.find(open_tag);
    if (at == std::string::npos) {
      const std::size_t held = std::max(may_begin(pending_, line_open_tag), may_begin(pending_, open_tag));
      outside_pending(pending_.size() - held);
      return false;
    }
    const std::size_t begin = at > 0 && pending_[at - 1] == '\n' ? at - 1 : at;
    outside_pending(begin);
    raw_ = pending_.substr(0, at - begin + open_tag.size());
    pending_.erase(0, raw_.size());
    at_ = At::before;
    return true;
  }

  bool before() {
    if (pending_.front() == '{') {
      call_.emplace(std::vector<std::string_view>{"arguments"});
      at_ = At::object;
    } else if (white.find(pending_.front()) != std::string_view::npos) {
      take();
    } else {
      give_up_here();
    }
    return true;
  }

  bool object() {
    const JsonScanner::State state = read_object();
    if (state == JsonScanner::State::whole) at_ = At::after;
    if (state == JsonScanner::State::bad) give_up_here();
    return true;
  }

  bool after() {
    const char byte = pending_.front();
    if (closing_ == 0 && white.find(byte) != std::string_view::npos) {
      take();
    } else if (byte == close_tag[closing_]) {
      take();
      if (++closing_ == close_tag.size()) {
        commit();
        begin_text();
      }
    } else {
      give_up_here();
    }
    return true;
  }

  /// All up to the end of a malformed call is shown.
  bool broken() {
    const std::size_t open = pending_.find(open_tag), close = pending_.find(close_tag);
    if (open == std::string::npos && close == std::string::npos) {
      const std::size_t held = std::max(may_begin(pending_, open_tag), may_begin(pending_, close_tag));
      output_.text(std::string_view(pending_).substr(0, pending_.size() - held));
      pending_.erase(0, pending_.size() - held);
      return false;
    }
    const std::size_t end = open < close ? open : close + close_tag.size();
    output_.text(std::string_view(pending_).substr(0, end));
    pending_.erase(0, end);
    begin_text();
    return true;
  }

  void give_up_here() {
    give_up(true);
    at_ = At::broken;
  }
  /// A missing closing tag is forgiven at the end.
  bool ends_whole() override {
    if (at_ != At::after) return false;
    commit();
    return true;
  }
  void begin_text() override {
    at_ = At::text;
    closing_ = 0;
  }

  At at_ = At::text;
  std::size_t closing_ = 0;  // bytes of the closing tag seen
};

}  // namespace

std::unique_ptr<CallReader> make_hermes_reader(ReplyOutput& output, bool eager) {
  return std::make_unique<HermesReader>(output, eager);
}

}  // namespace clawrl
