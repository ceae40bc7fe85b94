// Replies taken apart while they arrive: as early as certain, however they are cut, and nothing lost.

#include <nlohmann/json.hpp>
#include <random>

#include "prompt/reply_parser.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using Kind = ReplyEvent::Kind;

namespace {

ReplyParserSettings with(ToolFormat tools, bool reasoning = false) {
  ReplyParserSettings settings;
  settings.format = {tools, reasoning};
  settings.tools_given = true;
  settings.turn = 5;
  return settings;
}

std::string texts(const std::vector<ReplyEvent>& events, Kind kind) {
  std::string all;
  for (const ReplyEvent& event : events)
    if (event.kind == kind) all += event.text;
  return all;
}

ParsedReply parse(const std::string& text, const ReplyParserSettings& settings,
                  FinishReason reason = FinishReason::stop) {
  return parse_reply(text, reason, settings);
}

const std::string call = "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": [1, 2.5e3, true]}}\n</tool_call>";

}  // namespace

TEST_CASE("plain text is held back no longer than a tag's beginning") {
  for (const ToolFormat format : {ToolFormat::hermes, ToolFormat::llama_json, ToolFormat::mistral}) {
    const std::string text = "a < b <too [TOOL_CA <|pyth\n\n<tool_cal </think x <think> [TOO] end";
    ReplyParser parser(with(format, true));
    std::size_t out = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      out += texts(parser.push(text.substr(i, 1)), Kind::text).size();
      CHECK(out + 13 >= i + 1);
    }
    CHECK(out == text.size());
    CHECK(parser.finish(FinishReason::stop).events.empty());
  }
}

TEST_CASE("nothing is undecided once a reply has ended behind a comma of its list of calls") {
  for (const FinishReason reason : {FinishReason::stop, FinishReason::length}) {
    ReplyParser parser(with(ToolFormat::mistral));
    parser.push("[TOOL_CALLS] [{\"name\": \"f\", \"arguments\": {}},");
    const auto end = parser.finish(reason);
    CHECK(end.finish_reason == "tool_calls");
    CHECK(parser.message().tool_calls.size() == 1);
    CHECK(parser.unshown_text().empty());
    CHECK(parser.undecided() == 0);
  }
}

TEST_CASE("thoughts stream, newlines beside their tags belong to the tags") {
  ReplyParser parser(with(ToolFormat::hermes, true));
  CHECK(parser.push("\n <thi").empty());
  CHECK(parser.push("nk>\n").empty());
  CHECK(texts(parser.push("one\n"), Kind::reasoning) == "one");
  CHECK(texts(parser.push("two"), Kind::reasoning) == "\ntwo");
  CHECK(parser.push("\n</think>\n").empty());
  CHECK(texts(parser.push("\nyes"), Kind::text) == "yes");
  CHECK(parser.finish(FinishReason::stop).finish_reason == "stop");
  CHECK(parser.message() == Message{"assistant", "yes", "one\ntwo", {}, ""});
}

TEST_CASE("a call goes out when it is complete, with its own id") {
  ReplyParser parser(with(ToolFormat::hermes));
  CHECK(texts(parser.push("I look.\n" + call.substr(0, 40)), Kind::text) == "I look.");
  CHECK(parser.push(call.substr(40, call.size() - 41)).empty());
  const auto events = parser.push(">");
  REQUIRE(events.size() == 2);
  CHECK(events[0] == ReplyEvent{Kind::call, "", 0, tool_call_id(5, 0), "f"});
  CHECK(events[1] == ReplyEvent{Kind::arguments, "{\"a\": [1, 2.5e3, true]}", 0, "", ""});
  CHECK(parser.push("\n" + call)[0].id == tool_call_id(5, 1));
  CHECK(parser.finish(FinishReason::stop).finish_reason == "tool_calls");
}

TEST_CASE("a call that a grammar guarantees goes out as it is written") {
  for (const auto& [format, text] : std::vector<std::pair<ToolFormat, std::string>>{
           {ToolFormat::hermes, call},
           {ToolFormat::llama_json, "{\"name\": \"f\", \"parameters\": {\"a\": [1, 2.5e3, true]}}"},
           {ToolFormat::mistral, "[TOOL_CALLS] [{\"name\": \"f\", \"arguments\": {\"a\": [1, 2.5e3, true]}}]"},
           {ToolFormat::mistral, "[TOOL_CALLS]f[ARGS]{\"a\": [1, 2.5e3, true]}"}}) {
    ReplyParserSettings settings = with(format);
    settings.calls_are_certain = true;
    ReplyParser parser(settings);
    const std::size_t half = text.find("2.5");
    const auto early = parser.push(text.substr(0, half));
    REQUIRE(early.size() == 2);
    CHECK(early[0].name == "f");
    CHECK(early[1].text == "{\"a\": [1, ");
    CHECK(texts(parser.push(text.substr(half)), Kind::arguments) == "2.5e3, true]}");
    CHECK(parser.finish(FinishReason::stop).finish_reason == "tool_calls");
    CHECK(parser.message().tool_calls == parse(text, with(format)).message.tool_calls);

    ReplyParser cut(settings);  // the length cuts it: half a call, and said so
    cut.push(text.substr(0, half));
    CHECK(cut.finish(FinishReason::length).finish_reason == "length");
    CHECK(cut.message().text.empty());
    CHECK(cut.message().tool_calls.at(0).arguments == "{\"a\": [1, ");
  }
}

TEST_CASE("Mistral's two ways of calling") {
  const auto settings = with(ToolFormat::mistral);
  const auto list = parse(
      "Let me.[TOOL_CALLS] [{\"name\": \"f\", \"arguments\": {\"x\": \"]\"}}, "
      "{\"arguments\": {}, \"name\": \"g\", \"id\": \"abc\"}]",
      settings);
  CHECK(list.message.text == "Let me.");
  REQUIRE(list.message.tool_calls.size() == 2);
  CHECK(list.message.tool_calls[0] == ToolCall{tool_call_id(5, 0), "f", "{\"x\": \"]\"}"});
  CHECK(list.message.tool_calls[1] == ToolCall{tool_call_id(5, 1), "g", "{}"});
  CHECK(list.finish_reason == "tool_calls");
  const auto named = parse("[TOOL_CALLS]f[ARGS]{\"x\": 1}[TOOL_CALLS]g[CALL_ID]q1w2e3r4t[ARGS]{}", settings);
  REQUIRE(named.message.tool_calls.size() == 2);
  CHECK(named.message.tool_calls[0].arguments == "{\"x\": 1}");
  CHECK(named.message.tool_calls[1].name == "g");
  for (const std::string bad :
       {"[TOOL_CALLS]", "[TOOL_CALLS] []", "[TOOL_CALLS] [{\"name\": 1}]", "[TOOL_CALLS] f()", "[TOOL_CALLS]f[ARGX]{}",
        "[TOOL_CALLS] [{\"name\": \"f\", \"arguments\": {}", "[TOOL_CALLS]f"})
    CHECK(parse(bad, settings).message == Message{"assistant", bad, "", {}, ""});
}

TEST_CASE("Llama: an object that is no call is shown as it comes, nothing inside it is a call") {
  const auto settings = with(ToolFormat::llama_json);
  ReplyParser parser(settings);
  CHECK(texts(parser.push("{\"result\": "), Kind::text) == "{\"result\": ");
  CHECK(texts(parser.push("{\"name\": \"f\", \"parameters\": {}}, "), Kind::text).size() == 33);
  for (const std::string text : {"{\"result\": {\"name\": \"f\", \"parameters\": {}}}", "f() { return {}; }", "{{x}}",
                                 "{\"name\": \"Ann\", \"age\": 3}", "<|python_tag|>search.call(q=\"x\")", "{"})
    CHECK(parse(text, settings).message == Message{"assistant", text, "", {}, ""});
  CHECK(parse("<|python_tag|>{\"type\": \"function\", \"name\": \"f\", \"parameters\": {\"a\": 1}}", settings)
            .message.tool_calls.at(0)
            .arguments == "{\"a\": 1}");
}

TEST_CASE("a malformed call after a good one is shown, half a call after it is not") {
  const std::string bad = "<tool_call>\n{\"name\": f}\n</tool_call>";
  const auto shown = parse(call + " and " + bad + " bye", with(ToolFormat::hermes));
  CHECK(shown.message.text == bad);
  CHECK(shown.unshown_text == " and  bye");
  CHECK(shown.finish_reason == "tool_calls");
  const auto cut = parse(call + call.substr(0, 30), with(ToolFormat::hermes), FinishReason::length);
  CHECK(cut.message.text.empty());
  CHECK(cut.unshown_text == call.substr(0, 30));
  CHECK(cut.finish_reason == "length");
  CHECK(parse(bad + call, with(ToolFormat::hermes)).message.tool_calls.size() == 1);
  CHECK(parse("<tool_call>" + call, with(ToolFormat::hermes)).message.text == "<tool_call>");
}

TEST_CASE("what is JSON and what is not") {
  const auto is_call = [](const std::string& arguments) {
    return !parse("<tool_call>{\"name\":\"f\",\"arguments\":" + arguments + "}</tool_call>", with(ToolFormat::hermes))
                .message.tool_calls.empty();
  };
  std::mt19937 random(3);
  const std::string alphabet = "{}[]\",:\\ 0123-+.eEtrufalsn\nx";
  std::size_t good = 0;
  for (int i = 0; i < 40000; ++i) {
    std::string value;
    const std::size_t size = 1 + random() % 7;
    for (std::size_t k = 0; k < size; ++k) value += alphabet[random() % alphabet.size()];
    const std::string object = "{\"name\":\"f\",\"arguments\":[" + value + "]}";
    const bool valid = nlohmann::json::accept(object);
    good += valid;
    INFO(value);
    if (is_call("[" + value + "]") != valid) FAIL("not as the JSON library says");
  }
  CHECK(good > 500);
  CHECK(is_call(std::string(98, '[') + std::string(98, ']')));
  CHECK_FALSE(is_call(std::string(200, '[') + std::string(200, ']')));
}

TEST_CASE("no word is lost and cuts change nothing, whatever is strung together") {
  std::mt19937 random(1);
  for (int round = 0; round < 3000; ++round) {
    const auto format = static_cast<ToolFormat>(random() % 4);
    std::string text;
    std::vector<std::string> words;
    const std::vector<std::string> parts{"<think>",
                                         "</think>",
                                         "<tool_call>",
                                         "</tool_call>",
                                         "\n",
                                         " ",
                                         "{\"name\": \"",
                                         "\", \"arguments\": {\"k\": \"",
                                         "\"}}",
                                         "\", \"parameters\": {\"",
                                         "\": 1}}",
                                         "[TOOL_CALLS]",
                                         "[ARGS]",
                                         "[",
                                         "]",
                                         "{",
                                         "}",
                                         ", ",
                                         "<|python_tag|>",
                                         "; "};
    for (std::size_t i = 0, n = random() % 14; i < n; ++i) {
      const std::size_t pick = random() % (parts.size() + 6);
      if (pick < parts.size())
        text += parts[pick];
      else
        text += words.emplace_back("w" + std::to_string(round) + "x" + std::to_string(i) + "y");
    }
    ReplyParserSettings settings = with(format, random() % 2 == 0);
    settings.prompt_opens_think = random() % 4 == 0;
    settings.calls_are_certain = random() % 4 == 0;
    const auto reason = random() % 2 == 0 ? FinishReason::stop : FinishReason::length;
    const ParsedReply whole = parse(text, settings, reason);
    INFO(name(format) << ": " << text);
    std::string fields = whole.message.text + "\n" + whole.message.reasoning + "\n" + whole.unshown_text;
    for (const ToolCall& one : whole.message.tool_calls) fields += "\n" + one.name + "\n" + one.arguments;
    for (const std::string& word : words)
      if (fields.find(word) == std::string::npos) FAIL("lost " << word << " in " << fields);
    if (whole.message.tool_calls.empty()) CHECK(whole.unshown_text.empty());
    ReplyParser parser(settings);
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t size = 1 + random() % 5;
      parser.push(text.substr(at, size));
      at += size;
    }
    CHECK(parser.finish(reason).finish_reason == whole.finish_reason);
    if (!(parser.message() == whole.message) || parser.unshown_text() != whole.unshown_text) FAIL("cuts matter");
  }
}
