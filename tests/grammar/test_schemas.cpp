// Whatever a random policy writes under a mask ends, parses and is valid; and usual ways to write valid values fit.
#include <iostream>

#include "grammar/schema_checker.hpp"
#include "grammar/vocabulary.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

const std::vector<std::string> schemas = {
    R"({})",
    R"(true)",
    R"({"type":"object"})",
    R"({"type":"string"})",
    R"({"type":"integer"})",
    R"({"type":"number"})",
    R"({"type":"boolean"})",
    R"({"type":"null"})",
    R"({"type":["string","null"]})",
    R"({"type":["integer","array","object"]})",
    R"({"type":"array"})",
    R"({"type":"array","items":{"type":"integer"}})",
    R"({"type":"array","items":{"type":"boolean"},"minItems":2,"maxItems":4})",
    R"({"type":"array","items":{"type":"boolean"},"minItems":3})",
    R"({"type":"array","maxItems":0})",
    R"({"type":"array","items":false})",
    R"({"type":"array","prefixItems":[{"type":"string"},{"type":"integer"}]})",
    R"({"type":"array","prefixItems":[{"type":"string"},{"type":"integer"}],"items":false,"minItems":2})",
    R"({"type":"array","prefixItems":[{"type":"null"},{"type":"null"},{"type":"null"}],"items":{"type":"integer"},"minItems":1,"maxItems":5})",
    R"({"type":"array","prefixItems":[{"type":"null"},{"type":"null"},{"type":"null"}],"maxItems":2})",
    R"({"enum":["red","green","blue","re",1,null,{"a":[1,2]},"é\n\""]})",
    R"({"enum":["red",1,2.5,null],"type":["integer","null"]})",
    R"({"const":{"a":1,"b":[true]}})",
    R"({"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer"}},"required":["name","age"]})",
    R"({"type":"object","properties":{"a":{"type":"null"},"b":{"type":"null"},"c":{"type":"null"}},"required":["b"]})",
    R"({"type":"object","properties":{"a":{"type":"null"},"b":{"type":"null"}},"additionalProperties":false})",
    R"({"type":"object","properties":{"a":{"type":"integer"},"ab":{"type":"integer"},"name":{"type":"integer"}},"additionalProperties":{"type":"string"}})",
    R"({"type":"object","additionalProperties":{"type":"boolean"}})",
    R"({"properties":{"x":{"type":"number"}},"required":["x","y"]})",
    R"({"type":"object","properties":{"a":false,"b":{"type":"null"}},"required":["b"]})",
    R"({"anyOf":[{"type":"string"},{"type":"integer","minimum":0}]})",
    R"({"oneOf":[{"type":"object","properties":{"k":{"const":"a"},"v":{"type":"integer"}},"required":["k","v"]},{"type":"object","properties":{"k":{"const":"b"},"v":{"type":"string"}},"required":["k","v"]}]})",
    R"({"type":"object","properties":{"a":{"type":"integer"}},"required":["a"],"anyOf":[{"properties":{"b":{"type":"null"}},"required":["b"]},{"properties":{"c":{"type":"null"}},"required":["c"]}]})",
    R"({"allOf":[{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]},{"properties":{"b":{"type":"boolean"}},"required":["b"]}]})",
    R"({"allOf":[{"type":"integer","minimum":3},{"type":"number","maximum":12}]})",
    R"({"$defs":{"node":{"type":"object","properties":{"value":{"type":"integer"},"next":{"anyOf":[{"$ref":"#/$defs/node"},{"type":"null"}]}},"required":["value","next"]}},"$ref":"#/$defs/node"})",
    R"({"type":"object","properties":{"name":{"type":"string"},"children":{"type":"array","items":{"$ref":"#"}}},"required":["name"]})",
    R"({"definitions":{"p":{"type":"string","maxLength":3}},"type":"array","items":{"$ref":"#/definitions/p","minLength":1,"description":"short"}})",
    R"({"type":"string","minLength":2,"maxLength":5})",
    R"({"type":"string","minLength":30})",
    R"({"type":"string","maxLength":0})",
    R"({"type":"string","pattern":"^[A-Z]{3}-\\d{2,4}$"})",
    R"({"type":"string","pattern":"^(a|bc)*d?$"})",
    R"({"type":"string","pattern":"^x+y"})",
    R"({"type":"string","pattern":"^\\w+@\\w+\\.(com|org)$"})",
    R"({"type":"string","pattern":"^[^a-z\\]\"]+$|^\\\\\"$"})",
    R"({"type":"integer","minimum":0,"maximum":255})",
    R"({"type":"integer","minimum":-17,"maximum":-3})",
    R"({"type":"integer","minimum":-105,"maximum":1033})",
    R"({"type":"integer","exclusiveMinimum":9,"exclusiveMaximum":11})",
    R"({"type":"integer","minimum":4.2,"maximum":99999999999999999999})",
    R"({"type":"number","minimum":0})",
    R"({"type":"number","minimum":-2,"maximum":3})",
    R"({"type":"string","format":"date-time","title":"when","description":"d","default":"x","examples":["y"]})",
    R"({"type":"object","properties":{"é\"\\":{"type":"null"},"</tool_call>":{"type":"null"}},"required":["é\"\\","</tool_call>"]})",
};

}  // namespace

TEST_CASE("random replies under a schema always end in valid JSON") {
  const auto trie = awkward_trie();
  std::size_t replies = 0, bytes = 0;
  for (const auto& schema : schemas) {
    INFO(schema);
    auto masks = masks_for(schema_constraint(schema), trie);
    const SchemaChecker checker(Json::parse(schema));
    std::mt19937 random(7);
    for (int i = 0; i < 40; ++i) {
      const auto reply = random_reply(masks, *trie, random, i);
      REQUIRE(reply.has_value());
      INFO(*reply);
      REQUIRE(Json::accept(*reply));
      REQUIRE(checker.valid(Json::parse(*reply)));
      ++replies;
      bytes += reply->size();
    }
  }
  std::cout << schemas.size() << " schemas, " << replies << " replies, " << bytes << " bytes" << std::endl;
}

TEST_CASE("a random json_object is an object") {
  const auto trie = awkward_trie();
  auto masks = masks_for({Constraint::Kind::json_object, "", ""}, trie);
  std::mt19937 random(3);
  for (int i = 0; i < 300; ++i) {
    const auto reply = random_reply(masks, *trie, random, i);
    REQUIRE(reply.has_value());
    INFO(*reply);
    REQUIRE(Json::parse(*reply).is_object());
  }
}

TEST_CASE("valid values fit in compact, spaced and indented form") {
  const auto trie = awkward_trie();
  const std::string schema =
      R"({"type":"object","properties":{"name":{"type":"string"},"tags":{"type":"array","items":{"type":"string"}},
    "size":{"type":"object","properties":{"w":{"type":"number"},"h":{"type":"integer","minimum":0}},"required":["w"]}},"required":["name"]})";
  auto masks = masks_for(schema_constraint(schema), trie);
  auto any = masks_for({Constraint::Kind::json_object, "", ""}, trie);
  const auto value =
      nlohmann::ordered_json::parse(R"({"name":"Ann \"é😀\" \n","tags":["a","b"],"size":{"w":-1.5e3,"h":12}})");
  for (auto* one : {&masks, &any}) {
    for (const int indent : {-1, 0, 2, 4})
      for (const bool ascii : {false, true}) CHECK(fits(*one, value.dump(indent, ' ', ascii)));
    CHECK(fits(*one, R"({"name": "x", "tags": [], "size": {"w": 0}})"));
  }
  CHECK(fits(masks, R"({"name":"x"})"));
  CHECK_FALSE(fits(masks, R"({"tags":[]})"));
  CHECK_FALSE(fits(masks, R"({"name":"x","other":1})"));
  CHECK_FALSE(fits(masks, R"({"name":1})"));
  CHECK_FALSE(fits(masks, R"({"name":"x",})"));
  CHECK_FALSE(fits(masks, R"({"name":"x"} )"));
  CHECK_FALSE(fits(masks, R"({"name":"x","size":{"w":01}})"));
  CHECK_FALSE(fits(masks, R"({"name":"x","size":{"w":1,"h":-1}})"));
}

TEST_CASE("strings hold whole characters only") {
  const auto trie = awkward_trie();
  auto masks = masks_for(schema_constraint(R"({"type":"string","minLength":1,"maxLength":1})"), trie);
  for (const char* good : {"\"a\"", "\"\xC3\xA9\"", "\"\xE2\x82\xAC\"", "\"\xF0\x9F\x98\x80\"", "\"\\u00e9\"",
                           "\"\\ud83d\\ude00\"", "\"\\n\"", "\"\\\"\"", "\"\x7F\""}) {
    INFO(good);
    CHECK(fits(masks, good));
  }
  for (const char* bad :
       {"\"\xC3\"", "\"\x80\"", "\"\xC0\x80\"", "\"\xED\xA0\x80\"", "\"\xF4\x90\x80\x80\"", "\"\xF5\x80\x80\x80\"",
        "\"\\ud83d\"", "\"\\ude00\"", "\"\\x\"", "\"\n\"", "\"ab\"", "\"\"", "a", "\"a"}) {
    INFO(bad);
    CHECK_FALSE(fits(masks, bad));
  }
  auto any = masks_for(schema_constraint(R"({"type":"string"})"), trie);
  auto state = any.start();
  for (const char* piece : {"\"", "\xF0\x9F", "\x98\x80"}) {  // one character over two tokens
    TokenId id = -1;
    for (TokenId t = 1; t < trie->vocabulary(); ++t)
      if (trie->bytes_of(t) == piece) id = t;
    const auto ids = ids_of(*any.allowed(state));
    CHECK(std::binary_search(ids.begin(), ids.end(), id));
    state = any.step(state, id);
  }
  const auto ids = ids_of(*any.allowed(state));
  CHECK(std::binary_search(ids.begin(), ids.end(), TokenId{'"' + 1}));
  CHECK_FALSE(std::binary_search(ids.begin(), ids.end(), TokenId{0x98 + 1}));
}

TEST_CASE("every integer of a range fits, and none beside it") {
  const auto trie = awkward_trie();
  for (const auto& [low, high] : std::vector<std::pair<int, int>>{
           {0, 0}, {-3, 120}, {17, 1234}, {-1050, -99}, {99, 101}, {-1, 0}, {1000, 1000}}) {
    auto masks = masks_for(schema_constraint(R"({"type":"integer","minimum":)" + std::to_string(low) +
                                             R"(,"maximum":)" + std::to_string(high) + "}"),
                           trie);
    for (int i = -1300; i <= 1300; ++i) {
      INFO(low << ".." << high << ": " << i);
      REQUIRE(fits(masks, std::to_string(i)) == (low <= i && i <= high));
    }
  }
}

TEST_CASE("a pattern without anchors may stand anywhere") {
  const auto trie = awkward_trie();
  auto masks = masks_for(schema_constraint(R"({"type":"string","pattern":"x+y"})"), trie);
  for (const char* good : {"\"xy\"", "\"a xxxy b\"", "\"xxy\\n\""}) CHECK(fits(masks, good));
  for (const char* bad : {"\"x\"", "\"yx\"", "\"\""}) CHECK_FALSE(fits(masks, bad));
}
