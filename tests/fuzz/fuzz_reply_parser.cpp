// A reply in any format: cut anywhere it is the same message, its events add up to it.

#include <cstdlib>
#include <string_view>

#include "fuzz/fuzz_input.hpp"
#include "prompt/reply_parser.hpp"

namespace {

using namespace clawrl;

ReplyParserSettings settings_of(std::uint8_t bits) {
  ReplyParserSettings settings;
  settings.format.tools = static_cast<ToolFormat>(bits % 4);
  settings.format.reasoning = (bits & 4) != 0;
  settings.tools_given = (bits & 8) != 0;
  settings.prompt_opens_think = (bits & 16) != 0;
  settings.calls_are_certain = (bits & 32) != 0;
  return settings;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const auto settings = settings_of(data[0]);
  const auto reason = (data[0] & 64) != 0 ? FinishReason::length : FinishReason::stop;
  const std::size_t stride = data[1] % 7 + 1;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const auto whole = parse_reply(text, reason, settings);
  ReplyParser cut(settings);
  for (std::size_t at = 0; at < text.size(); at += stride) cut.push(text.substr(at, stride));
  const auto end = cut.finish(reason);
  if (!(cut.message() == whole.message) || cut.unshown_text() != whole.unshown_text ||
      end.finish_reason != whole.finish_reason || cut.undecided() != 0)
    std::abort();
  return 0;
}
