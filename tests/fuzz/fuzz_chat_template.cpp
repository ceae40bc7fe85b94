// A template from anywhere: refused with a place, or rendered within its bounds.

#include <string>
#include <vector>

#include "core/error.hpp"
#include "prompt/chat_template.hpp"

namespace {

const std::vector<clawrl::Message> conversation = {
    {"system", "Be brief.", "", {}, ""},
    {"user", " 1+1? <|im_end|> \xc3\xb6", "", {}, ""},
    {"assistant", "", "easy", {{"call12345", "add", R"({"a": 1, "b": [1.5, null, "x"]})"}}, ""},
    {"tool", "2", "", {}, "call12345"}};
const std::string tools = R"([{"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}])";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const clawrl::ChatTemplate made(std::string(reinterpret_cast<const char*>(data), size), "fuzz",
                                    {{"bos_token", "<s>"}, {"eos_token", "</s>"}});
    const auto prompt = made.render(conversation, tools, {.arguments = R"({"enable_thinking": false})"});
    std::size_t end = 0;
    for (const auto& range : prompt.data) {
      clawrl::expect(range.begin >= end && range.begin < range.end && range.end <= prompt.text.size(),
                     "bad data range");
      end = range.end;
    }
  } catch (const clawrl::UserError&) {
  }
  return 0;
}
