// The mask is exactly the set of tokens that can be read, whatever way it was found; and what tags and thoughts do.
#include <iostream>

#include "grammar/schema_checker.hpp"
#include "grammar/vocabulary.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

const std::string tools =
    R"([{"type":"function","function":{"name":"get_weather","description":"d","parameters":{"type":"object","properties":{"city":{"type":"string"},
  "days":{"type":"integer","minimum":1,"maximum":9}},"required":["city"]}}},{"type":"function","function":{"name":"now"}}])";

std::vector<TokenId> by_trying(grammar::ConstraintMasks& masks, const grammar::TokenTrie& trie,
                               grammar::Automaton::State state) {
  std::vector<TokenId> ids;
  for (TokenId id = 0; id < trie.vocabulary(); ++id)
    if (masks.step(state, id) != grammar::Automaton::dead) ids.push_back(id);
  return ids;
}

void check_call(const std::string& call, const char* key) {
  INFO(call);
  const Json json = Json::parse(call);
  REQUIRE(json.size() == 2);
  const std::string name = json.at("name");
  REQUIRE((name == "get_weather" || name == "now"));
  REQUIRE(json.at(key).is_object());
  if (name == "get_weather") REQUIRE(json.at(key).at("city").is_string());
}

std::string after(std::string text, const std::string& head) {
  REQUIRE(text.starts_with(head));
  return text.substr(head.size());
}

}  // namespace

TEST_CASE("masks hold exactly the tokens that can be read") {
  const auto trie = awkward_trie({"<tool_call>", "</tool_call>", "<think>", "</think>"});
  std::size_t states = 0;
  const std::vector<Constraint> constraints = {
      {Constraint::Kind::json_object, "", ""},
      {Constraint::Kind::tool_call, tools, ""},
      schema_constraint(
          R"({"type":"array","items":{"anyOf":[{"type":"string","maxLength":3},{"type":"string","pattern":"^a+b"},{"type":"number"},{"type":"object"}]}})"),
      schema_constraint(
          R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"array"}},"additionalProperties":{"type":"string"}})")};
  for (const auto& constraint : constraints) {
    for (const auto thinking : {grammar::Thinking::none, grammar::Thinking::may, grammar::Thinking::open}) {
      auto masks = masks_for(constraint, trie, {ToolFormat::hermes, true}, thinking);
      std::mt19937 random(11);
      for (int walk = 0; walk < 12; ++walk) {
        auto state = masks.start();
        for (int step = 0; step < 60; ++step) {
          const auto ids = ids_of(*masks.allowed(state));
          REQUIRE(ids == by_trying(masks, *trie, state));
          REQUIRE_FALSE(ids.empty());
          ++states;
          TokenId chosen = ids[random() % ids.size()];
          const auto closing = trie->tags().at("</think>");
          if (std::binary_search(ids.begin(), ids.end(), closing)) chosen = closing;
          if (chosen == stop_token) break;
          state = masks.step(state, chosen);
        }
      }
    }
  }
  std::cout << "compared " << states << " masks" << std::endl;
}

TEST_CASE("tool calls of every format are well formed") {
  std::mt19937 random(5);
  for (const bool single_tokens : {false, true}) {
    const auto trie = single_tokens ? awkward_trie({"<tool_call>", "</tool_call>", "[TOOL_CALLS]"}) : awkward_trie();
    auto hermes = masks_for({Constraint::Kind::tool_call, tools, ""}, trie, {ToolFormat::hermes, false});
    auto llama = masks_for({Constraint::Kind::tool_call, tools, ""}, trie, {ToolFormat::llama_json, false});
    auto mistral = masks_for({Constraint::Kind::tool_call, tools, ""}, trie, {ToolFormat::mistral, false});
    for (int i = 0; i < 60; ++i) {
      auto text = random_reply(hermes, *trie, random, i);
      REQUIRE(text.has_value());
      INFO(*text);
      while (true) {  // the first closing tag after an opening one must be the call's own
        const auto rest = after(*text, "<tool_call>\n");
        const auto end = rest.find("\n</tool_call>");
        REQUIRE(end != std::string::npos);
        check_call(rest.substr(0, end), "arguments");
        *text = rest.substr(end + 13);
        if (text->empty()) break;
        *text = after(*text, "\n");
      }
      check_call(random_reply(llama, *trie, random, i).value(), "parameters");
      const auto list = Json::parse(after(random_reply(mistral, *trie, random, i).value(), "[TOOL_CALLS]"));
      REQUIRE(list.size() >= 1);
      for (const auto& call : list) check_call(call.dump(), "arguments");
    }
  }
}

TEST_CASE("a named tool is the only one") {
  const auto trie = awkward_trie();
  auto masks = masks_for({Constraint::Kind::tool_call, tools, "now"}, trie, {ToolFormat::llama_json, false});
  CHECK(fits(masks, R"({"name": "now", "parameters": {}})"));
  CHECK_FALSE(fits(masks, R"({"name": "get_weather", "parameters": {"city":"x"}})"));
}

TEST_CASE("thoughts are free up to the tag, and the constraint holds after it") {
  const auto trie = awkward_trie();
  const Constraint object{Constraint::Kind::json_object, "", ""};
  auto open = masks_for(object, trie, {ToolFormat::none, true}, grammar::Thinking::open);
  CHECK(fits(open, "anything { <b> </thin </think>\n\n{}"));
  CHECK(fits(open, "</</think>{}"));
  CHECK_FALSE(fits(open, "</think>x</think>{}"));
  CHECK_FALSE(fits(open, "{}"));
  auto may = masks_for(object, trie, {ToolFormat::none, true}, grammar::Thinking::may);
  CHECK(fits(may, "<think>hm</think>\n\n{}"));
  CHECK(fits(may, "{}"));
  CHECK_FALSE(fits(may, "hm</think>{}"));
  auto none = masks_for(object, trie, {ToolFormat::none, true}, grammar::Thinking::none);
  CHECK_FALSE(fits(none, "<think></think>{}"));

  const auto tagged = awkward_trie({"<think>", "</think>"});
  auto tokens = masks_for(object, tagged, {ToolFormat::none, true}, grammar::Thinking::may);
  auto state = tokens.step(tokens.start(), tagged->tags().at("<think>"));
  REQUIRE(state != grammar::Automaton::dead);
  const auto ids = ids_of(*tokens.allowed(state));
  CHECK_FALSE(std::binary_search(ids.begin(), ids.end(), stop_token));
  CHECK(std::binary_search(ids.begin(), ids.end(), tagged->tags().at("</think>")));
  CHECK(ids.size() == awkward_tokens().size() + 1);
}

TEST_CASE("only the stop token follows a complete reply, and rows without a token are never allowed") {
  const auto trie = awkward_trie();
  auto masks = masks_for(schema_constraint(R"({"const":"ok"})"), trie);
  auto state = masks.start();
  for (const char c : std::string("\"ok\"")) {
    CHECK_FALSE(masks.may_end(state));
    state = masks.step(state, TokenId{c} + 1);
  }
  CHECK(*masks.allowed(state) == IdRuns{0, 1});
  CHECK(masks.complete(state));
  CHECK(masks.step(state, stop_token) == state);
}

TEST_CASE("what is forgotten for want of memory is found again") {
  const auto trie = awkward_trie();
  auto masks = masks_for({Constraint::Kind::json_object, "", ""}, trie);
  const auto before = masks.epoch();
  std::string deep;
  std::vector<IdRuns> seen;
  auto state = masks.start();
  const std::string text = "{\"a\":[";
  std::size_t largest = 0;
  for (int i = 0; i < 60000 && masks.epoch() == before; ++i) {
    state = masks.step(state, TokenId{text[static_cast<std::size_t>(i) % text.size()]} + 1);
    REQUIRE(state != grammar::Automaton::dead);
    masks.allowed(state);
    largest = std::max(largest, masks.bytes());
    masks.trim();
  }
  CHECK(masks.epoch() == before + 1);
  CHECK(masks.bytes() < largest / 10);
  CHECK(fits(masks, R"({"a":[{}]})"));
}
