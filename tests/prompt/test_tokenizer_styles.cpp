// Styles of published tokenizer files beside Qwen and Llama 3 (Llama 2, Mistral, Gemma, GPT-2, tekken, DeepSeek, ...):
// ids and texts as the `tokenizers` library gives them, recorded by data/make_tokenizer_styles.py.

#include <fstream>
#include <nlohmann/json.hpp>

#include "prompt/detokenizer.hpp"
#include "prompt/tiny_tokenizer.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using Json = nlohmann::json;

namespace {

const Json& recorded() {
  static const Json json = [] {
    std::ifstream in(CLAWRL_SOURCE_DIR "/tests/prompt/data/tokenizer_styles.json");
    return Json::parse(in);
  }();
  return json;
}

Tokenizer make(const test::TemporaryFolder& folder, const Json& style) {
  Json file = style["file"];
  file["model"] = recorded()["models"][file["model"].get<std::string>()];
  const auto path = folder.path / "tokenizer.json";
  std::ofstream(path) << file.dump();
  return Tokenizer::load(path.string());
}

std::string streamed(const Tokenizer& tokenizer, const std::vector<TokenId>& ids, bool skip_special) {
  Detokenizer stream(tokenizer, skip_special);
  std::string text;
  for (const TokenId id : ids) text += stream.push(id);
  return text + stream.flush();
}

}  // namespace

TEST_CASE("every style gives the recorded ids") {
  const test::TemporaryFolder folder;
  for (const auto& [name, style] : recorded()["styles"].items()) {
    const Tokenizer tokenizer = make(folder, style);
    for (std::size_t i = 0; i < recorded()["texts"].size(); ++i) {
      const auto text = recorded()["texts"][i].get<std::string>();
      INFO(name << " text " << i << ": " << Json(text).dump());
      const auto wanted = style["ids"][i].get<std::vector<TokenId>>();
      CHECK(tokenizer.encode(text) == wanted);
      CHECK(tokenizer.encode(text) == wanted);  // now from the cache
    }
    CHECK(tokenizer.encode_with_post_processor("the cat") == style["bos"].get<std::vector<TokenId>>());
  }
}

TEST_CASE("every style gives the recorded texts, whole and as a stream") {
  const test::TemporaryFolder folder;
  for (const auto& [name, style] : recorded()["styles"].items()) {
    const Tokenizer tokenizer = make(folder, style);
    for (const Json& run : style["decode"]) {
      const auto ids = run[0].get<std::vector<TokenId>>();
      INFO(name << " ids " << run[0].dump());
      CHECK(tokenizer.decode(ids, false) == run[1].get<std::string>());
      CHECK(tokenizer.decode(ids, true) == run[2].get<std::string>());
      CHECK(streamed(tokenizer, ids, false) == run[1].get<std::string>());
      CHECK(streamed(tokenizer, ids, true) == run[2].get<std::string>());
    }
  }
}

TEST_CASE("one piece of a megabyte is merged in much less than quadratic time") {
  const test::TemporaryFolder folder;
  const Tokenizer tokenizer = make(folder, recorded()["styles"]["llama2"]);
  std::string text;
  while (text.size() < (1U << 20)) text += "the cat";  // no place where it could be cut but "tt"
  const auto ids = tokenizer.encode(text);
  CHECK(tokenizer.decode(ids, false) == text);
  CHECK(tokenizer.encode(std::string(1U << 20, ' ')).size() > 0);
}
