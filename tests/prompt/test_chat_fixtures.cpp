// Where templates come from, and the demo models' own. The reference renderings are asked in probe/.

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

struct Case {
  std::string name;
  std::vector<Message> messages;
  std::string tools;
  TemplateOptions options;
};

Case case_of(const Json& json) {
  Case made{json["name"], {}, json["tools"].is_null() ? "" : json["tools"].dump(), {}};
  for (const Json& message : json["messages"]) made.messages.push_back(message_of(message));
  Json rest = json["kwargs"];
  made.options.add_generation_prompt = rest.value("add_generation_prompt", false);
  made.options.continue_final_message = rest.value("continue_final_message", false);
  rest.erase("add_generation_prompt");
  rest.erase("continue_final_message");
  if (!rest.empty()) made.options.arguments = rest.dump();
  return made;
}

}  // namespace

TEST_CASE("a template in tokenizer_config.json is the same as one in its own file") {
  const auto folder = test::fixture("chat/qwen2_5");
  const auto copy = std::filesystem::temp_directory_path() / ("clawrl_chat_" + std::to_string(::getpid()));
  std::filesystem::create_directories(copy);
  std::filesystem::copy_file(folder / "tokenizer_config.json", copy / "tokenizer_config.json");
  const std::vector<Message> messages = {{"user", "Hi", "", {}, ""}};
  CHECK(ChatTemplate::load(copy.string()).render_text(messages, "") ==
        ChatTemplate::load(folder.string()).render_text(messages, ""));
  std::filesystem::remove_all(copy);
}

TEST_CASE("the demo models' template writes Qwen3's form; only what it says of tools is its own") {
  const ChatTemplate ours = ChatTemplate::load(CLAWRL_SOURCE_DIR "/configs/models/policy");
  const Json file = read_json(test::fixture("chat/qwen3/cases.json"));
  std::size_t texts = 0;
  for (const Json& json : file["cases"]) {
    const Case one = case_of(json);
    if (!json["tools"].is_null() && !json["tools"].empty()) continue;
    INFO(one.name);
    CHECK(ours.render_text(one.messages, one.tools, one.options) == json["rendered"].get<std::string>());
    ++texts;
  }
  test::compared("demo template", texts);
}
