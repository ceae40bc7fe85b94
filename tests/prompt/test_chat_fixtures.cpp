// The built-in chat form against the cases of the Qwen3 template.

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "prompt/chat_template.hpp"
#include "support/catch.hpp"
#include "support/fixtures.hpp"

using namespace clawrl;
using Json = nlohmann::ordered_json;

namespace {

Json read_json(const std::filesystem::path& path) {
  std::ifstream in(path);
  return Json::parse(in);
}

/// What a server makes of `content`: text parts joined by a newline, null = empty.
std::string text_of(const Json& message) {
  if (!message.contains("content") || message["content"].is_null()) return {};
  if (message["content"].is_string()) return message["content"].get<std::string>();
  std::string text;
  for (const Json& part : message["content"]) {
    if (part["type"] != "text") continue;
    if (!text.empty()) text += '\n';
    text += part["text"].get<std::string>();
  }
  return text;
}

Message message_of(const Json& json) {
  Message message{json["role"], text_of(json), json.value("reasoning_content", ""), {}, json.value("tool_call_id", "")};
  if (json.contains("tool_calls"))
    for (const Json& call : json["tool_calls"])
      message.tool_calls.push_back({call.value("id", ""), call["function"]["name"], call["function"]["arguments"]});
  return message;
}

bool has_control_text(const std::vector<Message>& messages) {
  return std::any_of(messages.begin(), messages.end(), [](const Message& message) {
    return message.text.find("<|") != std::string::npos;
  });
}

}  // namespace

TEST_CASE("the built-in chat form gives the Qwen3 template's text and ids") {
  const Tokenizer tokenizer = Tokenizer::load(test::fixture("tokenizer/qwen/tokenizer.json").string());
  const Json file = read_json(test::fixture("chat/qwen3/cases.json"));
  std::size_t texts = 0, ids = 0, continued = 0, injected = 0;
  for (const Json& test : file["cases"]) {
    if (test["kwargs"].value("continue_final_message", false)) {  // not offered here
      ++continued;
      continue;
    }
    INFO(test["name"]);
    std::vector<Message> messages;
    for (const Json& message : test["messages"]) messages.push_back(message_of(message));
    const std::string tools = test["tools"].is_null() ? "" : test["tools"].dump();
    const TemplateOptions options{test["kwargs"].value("add_generation_prompt", false),
                              test["kwargs"].value("enable_thinking", true)};
    CHECK(render_text(messages, tools, options) == test["rendered"].get<std::string>());
    ++texts;
    const bool same_ids = render_ids(tokenizer, messages, tools, options) == test["ids"].get<std::vector<TokenId>>();
    CHECK(same_ids != has_control_text(messages));  // control text in a message is text to us, a token in the vectors
    has_control_text(messages) ? ++injected : ++ids;
  }
  test::compared("qwen3 chat text", texts);
  test::compared("qwen3 chat id", ids);
  std::cout << injected << " cases with control text inside a message differ in their ids on purpose; " << continued
            << " cases of continue_final_message are left out" << std::endl;
}
