// The reference replies, whole and cut at every byte.

#include <fstream>
#include <nlohmann/json.hpp>

#include "prompt/reply_parser.hpp"
#include "support/catch.hpp"
#include "support/fixtures.hpp"

using namespace clawrl;
using Json = nlohmann::json;

namespace {

std::string trimmed(const std::string& text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

std::string text_or_empty(const Json& value) {
  return value.is_null() ? "" : trimmed(value.get<std::string>());
}

ReplyParserSettings settings_of(const Json& one) {
  const std::string family = one["family"];
  ReplyParserSettings settings;
  settings.format.tools = family == "llama3_1" ? ToolFormat::llama_json : ToolFormat::hermes;
  settings.format.reasoning = family == "qwen3";
  settings.tools_given = one["tools_given"];
  settings.prompt_opens_think = one["prompt_opens_think"];
  return settings;
}

bool matches(const Json& wanted, const ParsedReply& got) {
  const Message& message = got.message;
  if (wanted["finish_reason"] != got.finish_reason) return false;
  if (text_or_empty(wanted["content"]) != trimmed(message.text)) return false;
  if (text_or_empty(wanted["reasoning_content"]) != trimmed(message.reasoning)) return false;
  if (wanted["tool_calls"].size() != message.tool_calls.size()) return false;
  for (std::size_t i = 0; i < message.tool_calls.size(); ++i) {
    const Json& call = wanted["tool_calls"][i];
    if (call["name"] != message.tool_calls[i].name) return false;
    if (Json::parse(call["arguments"].get<std::string>()) != Json::parse(message.tool_calls[i].arguments)) return false;
  }
  return true;
}

bool accepted(const Json& one, const ParsedReply& got) {
  if (matches(one["expected"], got)) return true;
  for (const Json& other : one.value("accept", Json::array()))
    if (matches(other, got)) return true;
  return false;
}

ParsedReply in_pieces(const std::vector<std::string>& pieces, FinishReason reason,
                      const ReplyParserSettings& settings) {
  ReplyParser parser(settings);
  Message built{"assistant", "", "", {}, ""};
  const auto add = [&](const std::vector<ReplyEvent>& events) {
    for (const ReplyEvent& event : events) {
      if (event.kind == ReplyEvent::Kind::text) built.text += event.text;
      if (event.kind == ReplyEvent::Kind::reasoning) built.reasoning += event.text;
      if (event.kind == ReplyEvent::Kind::call) built.tool_calls.push_back({event.id, event.name, ""});
      if (event.kind == ReplyEvent::Kind::arguments)
        built.tool_calls.at(static_cast<std::size_t>(event.index)).arguments += event.text;
    }
  };
  for (const std::string& piece : pieces) add(parser.push(piece));
  const ReplyParser::End end = parser.finish(reason);
  add(end.events);
  CHECK(built == parser.message());
  return {built, parser.unshown_text(), end.finish_reason};
}

bool same(const ParsedReply& a, const ParsedReply& b) {
  return a.message == b.message && a.unshown_text == b.unshown_text && a.finish_reason == b.finish_reason;
}

}  // namespace

TEST_CASE("reference replies") {
  const Json cases = Json::parse(std::ifstream(test::fixture("parsers/cases.json")))["cases"];
  std::size_t alternatives = 0, cuts = 0;
  for (const Json& one : cases) {
    const std::string text = one["text"], name = one["name"];
    INFO(name << ": " << text);
    const auto reason = one["engine_finish"] == "length" ? FinishReason::length : FinishReason::stop;
    const ReplyParserSettings settings = settings_of(one);
    const ParsedReply whole = in_pieces({text}, reason, settings);
    INFO("content '" << whole.message.text << "' reasoning '" << whole.message.reasoning << "' calls "
                     << whole.message.tool_calls.size() << " " << whole.finish_reason);
    CHECK(accepted(one, whole));
    if (!matches(one["expected"], whole)) ++alternatives;
    for (std::size_t i = 0; i <= text.size(); ++i) {
      INFO("cut at " << i);
      REQUIRE(same(whole, in_pieces({text.substr(0, i), text.substr(i)}, reason, settings)));
      ++cuts;
      for (std::size_t k = i; k <= text.size() && text.size() <= 130; ++k, ++cuts)
        if (!same(whole, in_pieces({text.substr(0, i), text.substr(i, k - i), text.substr(k)}, reason, settings)))
          FAIL("and at " << k);
    }
    std::vector<std::string> bytes;
    for (const char byte : text) bytes.emplace_back(1, byte);
    CHECK(same(whole, in_pieces(bytes, reason, settings)));
  }
  test::compared("parser", cases.size());
  std::cout << alternatives << " by an accepted alternative, " << cuts << " cuts" << std::endl;
}
