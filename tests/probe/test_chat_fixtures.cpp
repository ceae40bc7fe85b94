// The chat templates' reference renderings, asked as a user would: text and ids, and the templates' own refusals.

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "probe/probe.hpp"
#include "prompt/tiny_tokenizer.hpp"
#include "support/catch.hpp"
#include "support/fixtures.hpp"

using namespace clawrl;
using Json = nlohmann::ordered_json;

namespace {

namespace fs = std::filesystem;

Json question_of(const Json& one) {
  Json kwargs = one["kwargs"];
  Json question{{"op", "render"},
                {"name", one["name"]},
                {"messages", one["messages"]},
                {"add_generation_prompt", kwargs.value("add_generation_prompt", false)},
                {"continue_final_message", kwargs.value("continue_final_message", false)}};
  kwargs.erase("add_generation_prompt");
  kwargs.erase("continue_final_message");
  if (!kwargs.empty()) question["kwargs"] = kwargs;
  if (!one["tools"].is_null()) question["tools"] = one["tools"];
  return question;
}

void compare_family(const std::string& family, const std::string& tokenizer) {
  const test::TemporaryFolder folder;
  fs::copy_file(test::fixture("chat/" + family) / "chat_template.jinja", folder.path / "chat_template.jinja");
  fs::copy_file(test::fixture("chat/" + family) / "tokenizer_config.json", folder.path / "tokenizer_config.json");
  fs::copy_file(test::fixture("tokenizer/" + tokenizer) / "tokenizer.json", folder.path / "tokenizer.json");
  Probe probe({.folder = folder.path.string()});
  std::size_t texts = 0, ids = 0, refusals = 0;
  const Json file = Json::parse(std::ifstream(test::fixture("chat/" + family + "/cases.json")));
  for (const Json& one : file["cases"]) {
    const Json answer = Json::parse(probe.answer(question_of(one).dump()));
    INFO(family << " " << one["name"] << " " << answer.value("error", ""));
    if (one.contains("error") && !one["error"].is_null()) {
      const std::string wanted = one["error"];  // "TemplateError: <the template's words>"
      CHECK(answer["error"] == wanted.substr(wanted.find(": ") + 2));
      ++refusals;
      continue;
    }
    CHECK(answer["text"] == one["rendered"]);
    ++texts;
    // control text in a message is text to us, a token in the vectors
    const bool injected = std::any_of(one["messages"].begin(), one["messages"].end(), [](const Json& message) {
      return message.contains("content") && message["content"].dump().find("<|") != std::string::npos;
    });
    CHECK((answer["ids"] == one["ids"]) != injected);
    ids += !injected;
  }
  test::compared(family + " chat text", texts);
  test::compared(family + " chat id", ids);
  test::compared(family + " refusal", refusals);
}

}  // namespace

TEST_CASE("the Qwen3 template") {
  compare_family("qwen3", "qwen");
}
TEST_CASE("the Qwen2.5 template") {
  compare_family("qwen2_5", "qwen");
}
TEST_CASE("the Llama 3.1 template") {
  compare_family("llama3_1", "llama3");
}
