// The reference replies, asked with the format that the folder's own chat template makes known, whole and byte by byte.

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "probe/probe.hpp"
#include "support/catch.hpp"
#include "support/fixtures.hpp"

using namespace clawrl;
using Json = nlohmann::json;

namespace {

std::string trimmed(const Json& value) {
  if (value.is_null()) return "";
  const auto text = value.get<std::string>();
  const auto begin = text.find_first_not_of(" \t\r\n");
  return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

bool matches(const Json& wanted, const Json& got) {
  const Json& message = got["message"];
  if (wanted["finish_reason"] != got["finish_reason"] || trimmed(wanted["content"]) != trimmed(message["content"]) ||
      trimmed(wanted["reasoning_content"]) != trimmed(message["reasoning_content"]) ||
      wanted["tool_calls"].size() != message["tool_calls"].size())
    return false;
  for (std::size_t i = 0; i < wanted["tool_calls"].size(); ++i) {
    const Json &call = wanted["tool_calls"][i], &made = message["tool_calls"][i]["function"];
    if (call["name"] != made["name"] ||
        Json::parse(call["arguments"].get<std::string>()) != Json::parse(made["arguments"].get<std::string>()))
      return false;
  }
  return true;
}

bool accepted(const Json& one, const Json& got) {
  if (got.contains("error")) return false;
  if (matches(one["expected"], got)) return true;
  for (const Json& other : one.value("accept", Json::array()))
    if (matches(other, got)) return true;
  return false;
}

}  // namespace

TEST_CASE("reference replies, by the template of the family") {
  const Json cases = Json::parse(std::ifstream(test::fixture("parsers/cases.json")))["cases"];
  std::map<std::string, Probe> probes;
  for (const char* family : {"qwen3", "qwen2_5", "llama3_1"})
    probes.try_emplace(family, ProbeSettings{.folder = test::fixture(std::string("chat/") + family).string()});
  for (const Json& one : cases) {
    Json question{{"op", "parse"},
                  {"name", one["name"]},
                  {"text", one["text"]},
                  {"prompt_opens_think", one["prompt_opens_think"]},
                  {"tools_given", one["tools_given"]},
                  {"finish", one["engine_finish"]}};
    Probe& probe = probes.at(one["family"]);
    const Json whole = Json::parse(probe.answer(question.dump()));
    INFO(one["name"] << ": " << whole.dump());
    CHECK(whole["name"] == one["name"]);
    CHECK(accepted(one, whole));
    // pieces are JSON strings, so they are cut between characters
    Json pieces = Json::array();
    for (const char byte : one["text"].get<std::string>()) {
      if ((static_cast<unsigned char>(byte) & 0xC0) == 0x80)
        pieces.back() = pieces.back().get<std::string>() + byte;
      else
        pieces.push_back(std::string(1, byte));
    }
    question.erase("text");
    question["pieces"] = pieces;
    CHECK(Json::parse(probe.answer(question.dump()))["message"]["content"] == whole["message"]["content"]);
  }
  test::compared("parser", cases.size());
}
