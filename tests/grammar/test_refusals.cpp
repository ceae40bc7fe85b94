// What cannot be held to is refused in words; what is hostile costs little.
#include <chrono>

#include "core/error.hpp"
#include "grammar/constraint_check.hpp"
#include "grammar/vocabulary.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

std::string refusal(const Constraint& constraint) {
  try {
    check_constraint(constraint);
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

std::string refusal(const std::string& schema) {
  return refusal(schema_constraint(schema));
}

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

}  // namespace

TEST_CASE("unsupported keywords are named with their place") {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"({"not":{"type":"string"}})", "'not' at json_schema "},
      {R"({"type":"object","properties":{"a":{"type":"array","uniqueItems":true}}})",
       "'uniqueItems' at json_schema/properties/a "},
      {R"({"type":"object","patternProperties":{}})", "'patternProperties'"},
      {R"({"type":"object","minProperties":1})", "'minProperties'"},
      {R"({"type":"object","propertyNames":{}})", "'propertyNames'"},
      {R"({"type":"integer","multipleOf":3})", "'multipleOf'"},
      {R"({"if":{},"then":{}})", "'if'"},
      {R"({"type":"array","contains":{}})", "'contains'"},
      {R"({"type":"string","nullable":true})", "'nullable'"},
      {R"({"$defs":{"a":{"dependentRequired":{}}},"type":"array","items":{"$ref":"#/$defs/a"}})",
       "'dependentRequired' at json_schema/$defs/a "},
      {R"({"type":"number","exclusiveMinimum":0})", "'exclusiveMinimum'"},
      {R"({"type":"number","minimum":0.5})", "'minimum'"},
      {R"({"$ref":"http://example.com/s"})", "'$ref'"},
      {R"({"$ref":"#/$defs/none"})", "'$ref'"},
      {R"_({"type":"string","pattern":"a(?=b)"})_", "'pattern'"},
      {R"_({"type":"string","pattern":"(a)\\1"})_", "'pattern'"},
      {R"({"type":"string","pattern":"a","minLength":3})", "'pattern'"},
      {R"({"type":"string","pattern":"[a"})", "'pattern'"},
      {R"_({"type":"string","pattern":"a)"})_", "'pattern'"},
      {R"({"type":"string","pattern":"a{3,2}"})", "'pattern'"},
      {R"({"enum":["a"],"minLength":3})", "'minLength'"},
      {R"({"type":"thing"})", "'type'"},
      {R"({"type":"object","required":"a"})", "'required'"},
      {R"({"type":"array","minItems":"a"})", "'minItems'"},
      {R"({"type":"array","minItems":-1})", "'minItems'"},
      {R"({"anyOf":[]})", "'anyOf'"},
      {R"({"allOf":[{"pattern":"a"},{"pattern":"b"}]})", "'pattern'"},
  };
  for (const auto& [schema, words] : cases) {
    INFO(schema);
    CHECK_THAT(refusal(schema), Catch::Matchers::Contains(words));
  }
}

TEST_CASE("what no value can meet is refused") {
  for (const char* schema :
       {"false", R"({"enum":[]})", R"({"const":1,"type":"string"})", R"({"type":"array","minItems":3,"maxItems":2})",
        R"({"type":"string","minLength":3,"maxLength":2})", R"({"type":"integer","minimum":3,"maximum":2})",
        R"({"type":"integer","minimum":0.1,"maximum":0.9})",
        R"({"type":"object","properties":{"a":false},"required":["a"]})",
        R"({"type":"object","additionalProperties":false,"required":["a"]})",
        R"({"allOf":[{"type":"string"},{"type":"integer"}]})", R"({"type":"array","items":false,"minItems":1})",
        R"({"type":"object","properties":{"next":{"$ref":"#"}},"required":["next"]})",
        R"({"$defs":{"a":{"type":"array","minItems":1,"items":{"$ref":"#/$defs/a"}}},"$ref":"#/$defs/a"})"}) {
    INFO(schema);
    CHECK_THAT(refusal(schema), Catch::Matchers::Contains("unsatisfiable"));
  }
}

TEST_CASE("malformed constraints are refused") {
  CHECK_THAT(refusal("{"), Catch::Matchers::Contains("not JSON"));
  CHECK_THAT(refusal("3"), Catch::Matchers::Contains("a schema is"));
  CHECK_THAT(refusal({Constraint::Kind::tool_call, "[]", ""}), Catch::Matchers::Contains("tools"));
  CHECK_THAT(refusal({Constraint::Kind::tool_call, "{}", ""}), Catch::Matchers::Contains("tools"));
  CHECK_THAT(refusal({Constraint::Kind::tool_call, R"([{"function":{"name":"f"}}])", "g"}),
             Catch::Matchers::Contains("'g'"));
  CHECK_THAT(refusal({Constraint::Kind::tool_call,
                      R"([{"function":{"name":"f","parameters":{"type":"object","not":{}}}}])", ""}),
             Catch::Matchers::Contains("'not' at tools.f.parameters"));
  CHECK(refusal({Constraint::Kind::none, "{", ""}).empty());
  CHECK(refusal({Constraint::Kind::json_object, "", ""}).empty());
}

TEST_CASE("hostile schemas end soon, refused or compiled") {
  std::string names;
  for (int i = 0; i < 3000; ++i) names += (i ? ",\"" : "\"") + std::to_string(i) + "\"";
  const std::vector<std::string> hostile = {
      repeated("{\"type\":\"array\",\"items\":", 100) + "true" + repeated("}", 100),
      repeated("[", 100000),
      R"({"enum":[)" + names + "]}",
      R"({"anyOf":[{"$ref":"#"},{"type":"null"}]})",
      R"({"$ref":"#"})",
      R"({"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}},"$ref":"#/$defs/a"})",
      R"({"$defs":{"a":{"allOf":[{"$ref":"#/$defs/a"}]}},"$ref":"#/$defs/a"})",
      R"({"type":"string","maxLength":1000000000})",
      R"_({"type":"string","pattern":"((((a{1000}){1000}){1000}){1000})"})_",
      R"({"type":"string","pattern":"(((){1000}){1000}){1000}"})",
      R"({"type":"string","pattern":")" + repeated("(", 2000) + R"("})",
      R"({"type":"object","properties":{")" + std::string(200000, 'a') + R"(":{}},"additionalProperties":true})",
      R"({"type":"object","examples":[0)" + repeated(",0", 40000) + R"(],"anyOf":[{})" + repeated(",{}", 6000) + "]}",
      R"({"type":"object","required":["a")" + repeated(",\"a\"", 40000) + R"(],"anyOf":[{})" + repeated(",{}", 6000) +
          "]}",
      R"({"description":")" + std::string(80000, 'a') + R"(","allOf":[{})" + repeated(",{\"type\":\"null\"}", 8000) +
          "]}",
      std::string(300 * 1024, ' ') + "{}",
  };
  for (const auto& schema : hostile) {
    INFO(schema.substr(0, 80));
    CHECK_FALSE(refusal(schema).empty());
  }
  // A doubling of the ways to read per level: followed up to a bound, and what is allowed stays right.
  const auto trie = awkward_trie();
  auto masks = masks_for(
      schema_constraint(
          R"({"anyOf":[{"type":"array","items":{"$ref":"#"}},{"type":"array","items":{"$ref":"#"}},{"type":"null"}]})"),
      trie);
  auto state = masks.start();
  for (int i = 0; i < 40; ++i) {
    state = masks.step(state, TokenId{'['} + 1);
    REQUIRE(state != grammar::Automaton::dead);
    REQUIRE_FALSE(masks.allowed(state)->empty());
  }
  for (int i = 0; i < 40; ++i) state = masks.step(state, TokenId{']'} + 1);
  CHECK(masks.may_end(state));
}
