// Our tokenizer against the reference vectors: every case, exactly.

#include <fstream>
#include <nlohmann/json.hpp>

#include "prompt/detokenizer.hpp"
#include "prompt/tokenizer.hpp"
#include "support/catch.hpp"
#include "support/fixtures.hpp"

using namespace clawrl;
using Json = nlohmann::json;

namespace {

Json read_json(const std::filesystem::path& path) {
  std::ifstream in(path);
  return Json::parse(in);
}

std::vector<TokenId> ids_of(const Json& json) { return json.get<std::vector<TokenId>>(); }

void compare_encode(const Tokenizer& tokenizer, const Json& cases, const std::string& family) {
  std::size_t as_text = 0;
  for (const Json& test : cases) {
    INFO(family << " encode " << test["name"]);
    const auto text = test["text"].get<std::string>();
    const auto ids = tokenizer.encode(text);
    CHECK(ids == ids_of(test["ids"]));
    CHECK(tokenizer.encode(text) == ids);  // now from the cache
    CHECK(tokenizer.encode_with_post_processor(text) == ids_of(test["ids_with_bos"]));
    const bool differs = test.contains("ids_special_as_text");
    as_text += differs;
    CHECK(tokenizer.encode(text, SpecialText::as_text) == ids_of(test[differs ? "ids_special_as_text" : "ids"]));
    const auto all = ids_of(test["ids_with_bos"]);
    CHECK(tokenizer.decode(ids, false) == test["decoded"].get<std::string>());
    CHECK(tokenizer.decode(all, true) == test["decoded_skip_special"].get<std::string>());
  }
  test::compared(family + " encode", cases.size());
  test::compared(family + " special-as-text", as_text);
}

void compare_stream(const Tokenizer& tokenizer, const Json& cases, const std::string& family) {
  for (const Json& test : cases) {
    INFO(family << " stream " << test["name"]);
    Detokenizer stream(tokenizer, test["skip_special_tokens"].get<bool>());
    std::vector<std::string> pieces;
    for (const TokenId id : ids_of(test["ids"])) pieces.push_back(stream.push(id));
    CHECK(pieces == test["pieces"].get<std::vector<std::string>>());
    CHECK(stream.flush() == test["final_flush"].get<std::string>());
  }
  test::compared(family + " stream", cases.size());
}

void compare_family(const std::string& family) {
  const auto folder = test::fixture("tokenizer/" + family);
  const Tokenizer tokenizer = Tokenizer::load((folder / "tokenizer.json").string());
  const Json vectors = read_json(folder / "vectors.json");
  compare_encode(tokenizer, vectors["encode"], family);
  for (const Json& test : vectors["decode"]) {
    INFO(family << " decode " << test["name"]);
    const auto ids = ids_of(test["ids"]);
    CHECK(tokenizer.decode(ids, false) == test["decoded"].get<std::string>());
    CHECK(tokenizer.decode(ids, true) == test["decoded_skip_special"].get<std::string>());
  }
  test::compared(family + " decode", vectors["decode"].size());
  compare_stream(tokenizer, vectors["stream"], family);
}

}  // namespace

TEST_CASE("the Qwen-style tokenizer gives the reference ids, texts and stream pieces") { compare_family("qwen"); }

TEST_CASE("the Llama-3-style tokenizer gives the reference ids, texts and stream pieces") { compare_family("llama3"); }
