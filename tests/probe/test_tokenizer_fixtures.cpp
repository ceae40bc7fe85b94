// Every case of the tokenizer's reference vectors, asked as a user would: exactly.

#include <fstream>
#include <nlohmann/json.hpp>

#include "probe/probe.hpp"
#include "support/catch.hpp"
#include "support/fixtures.hpp"

using namespace clawrl;
using Json = nlohmann::json;

namespace {

Json ask(Probe& probe, Json question) {
  return Json::parse(probe.answer(question.dump()));
}

void compare_encode(Probe& probe, const Json& cases, const std::string& family) {
  std::size_t as_text = 0;
  for (const Json& test : cases) {
    INFO(family << " encode " << test["name"]);
    Json question{{"op", "encode"}, {"text", test["text"]}};
    CHECK(ask(probe, question)["ids"] == test["ids"]);
    CHECK(ask(probe, question)["ids"] == test["ids"]);  // now from the cache
    question["special"] = "text";
    const bool differs = test.contains("ids_special_as_text");
    as_text += differs;
    CHECK(ask(probe, question)["ids"] == test[differs ? "ids_special_as_text" : "ids"]);
    question["special"] = "parse";
    question["post_processor"] = true;
    CHECK(ask(probe, question)["ids"] == test["ids_with_bos"]);
    CHECK(ask(probe, {{"op", "decode"}, {"ids", test["ids"]}})["text"] == test["decoded"]);
    CHECK(ask(probe, {{"op", "decode"}, {"ids", test["ids_with_bos"]}, {"skip_special", true}})["text"] ==
          test["decoded_skip_special"]);
  }
  test::compared(family + " encode", cases.size());
  test::compared(family + " special-as-text", as_text);
}

void compare_family(const std::string& family) {
  const auto folder = test::fixture("tokenizer/" + family);
  const Json vectors = Json::parse(std::ifstream(folder / "vectors.json"));
  Probe probe({.folder = folder.string()});
  compare_encode(probe, vectors["encode"], family);
  for (const Json& test : vectors["decode"]) {
    INFO(family << " decode " << test["name"]);
    CHECK(ask(probe, {{"op", "decode"}, {"ids", test["ids"]}})["text"] == test["decoded"]);
    CHECK(ask(probe, {{"op", "decode"}, {"ids", test["ids"]}, {"skip_special", true}})["text"] ==
          test["decoded_skip_special"]);
  }
  test::compared(family + " decode", vectors["decode"].size());
  for (const Json& test : vectors["stream"]) {
    INFO(family << " stream " << test["name"]);
    const Json answer =
        ask(probe, {{"op", "stream_decode"}, {"ids", test["ids"]}, {"skip_special", test["skip_special_tokens"]}});
    CHECK(answer["pieces"] == test["pieces"]);
    CHECK(answer["flush"] == test["final_flush"]);
  }
  test::compared(family + " stream", vectors["stream"].size());
  CHECK(probe.failures() == 0);
}

}  // namespace

TEST_CASE("the Qwen-style tokenizer gives the reference ids, texts and stream pieces") {
  compare_family("qwen");
}

TEST_CASE("the Llama-3-style tokenizer gives the reference ids, texts and stream pieces") {
  compare_family("llama3");
}
