// Any bytes as what a user or a client program wrote: recognised without a fault, words only ever taken away, time
// ranges in the past and in order, nothing left to redact after redaction.

#include <cstdlib>
#include <string>

#include "feedback/credit_claim.hpp"
#include "fuzz/fuzz_input.hpp"
#include "privacy/redactor.hpp"
#include "session/client_text.hpp"
#include "session/request_claim.hpp"

namespace {

using namespace clawrl;

constexpr TimeContext context{1795862400, 60};  // 2026-11-28

void require(bool holds) {
  if (!holds) std::abort();
}

void check_ranges(const std::vector<TimeRange>& ranges) {
  for (const TimeRange& range : ranges) require(range.from_s < range.to_s && range.from_s <= context.now_s + 900);
}

void check_client_text(const std::string& text) {
  const std::string words = user_words(text);
  require(words.size() <= text.size() && lasting_words(text).size() <= text.size());
  require(trimmed(words) == words);
  Message message;
  message.role = "user";
  message.text = text;
  const std::vector<Message> messages = {message};
  require(cleaned(message).text == words);
  runtime_line(messages);
  turn_type_of({messages, "", ""});
  stated_session({messages, "", text});
}

void check_feedback(const std::string& text) {
  check_ranges(parse_time(text, context));
  if (const auto claim = find_claim(text, context)) {
    require(claim->vote == 1 || claim->vote == -1);
    check_ranges(claim->ranges);
  }
  check_ranges(query_of(text, {}, context).ranges);
}

void check_redaction(std::string text) {
  static const Redactor redactor;
  redactor.redact(text);
  const std::string once = text;
  require(redactor.redact(text) == 0 && text == once);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  check_client_text(text);
  check_feedback(text);
  check_redaction(text);
  return 0;
}
