// Which format a template's replies have, by recognition and by settings.

#include "core/error.hpp"
#include "prompt/reply_format.hpp"
#include "prompt/reply_output.hpp"
#include "support/catch.hpp"

#include <set>

using namespace clawrl;

TEST_CASE("formats are recognised by what the template itself writes") {
  CHECK(recognise_reply_format("{{ m.content }}") == ReplyFormat{ToolFormat::none, false});
  CHECK(recognise_reply_format("'\\n<tool_call>\\n{\"name\": \"'") == ReplyFormat{ToolFormat::hermes, false});
  CHECK(recognise_reply_format("'<think>\\n' '<tool_call>'") == ReplyFormat{ToolFormat::hermes, true});
  CHECK(recognise_reply_format("'[TOOL_CALLS] ['") == ReplyFormat{ToolFormat::mistral, false});
  CHECK(recognise_reply_format("{{- \"<|python_tag|>\" }}") == ReplyFormat{ToolFormat::llama_json, false});
  CHECK(recognise_reply_format("<|start_header_id|> '\"parameters\": '") == ReplyFormat{ToolFormat::llama_json, false});
  CHECK(recognise_reply_format("'<tool_call>\\n<function='").tools == ToolFormat::none);  // calls in XML
}

TEST_CASE("settings override the template") {
  CHECK(reply_format("<tool_call><think>", "auto", "auto") == ReplyFormat{ToolFormat::hermes, true});
  CHECK(reply_format("<tool_call><think>", "mistral", "off") == ReplyFormat{ToolFormat::mistral, false});
  CHECK(reply_format("", "hermes", "on") == ReplyFormat{ToolFormat::hermes, true});
  CHECK(reply_format("<tool_call>", "none", "auto") == ReplyFormat{ToolFormat::none, false});
  CHECK_THROWS_WITH(reply_format("", "xml", "auto"), Catch::Contains("model.tool_format") && Catch::Contains("hermes"));
  CHECK_THROWS_WITH(reply_format("", "auto", "yes"), Catch::Contains("model.reasoning") && Catch::Contains("off"));
}

TEST_CASE("a prompt opens a think block by its end") {
  CHECK(opens_think("<|im_start|>assistant\n<think>\n"));
  CHECK_FALSE(opens_think("<|im_start|>assistant\n<think>\n\n</think>\n\n"));
  CHECK_FALSE(opens_think("<|im_start|>assistant\n"));
  CHECK_FALSE(opens_think(""));
}

TEST_CASE("call ids are nine letters or digits and never the same") {
  std::set<std::string> ids;
  for (std::int64_t turn = 1; turn <= 2000; ++turn)
    for (int index = 0; index < 20; ++index) {
      const std::string id = tool_call_id(turn, index);
      CHECK((id.size() == 9 && id.find_first_not_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") ==
                                   std::string::npos));
      ids.insert(id);
    }
  CHECK(ids.size() == 40000);
  CHECK(tool_call_id(7, 1) == tool_call_id(7, 1));
}
