// A stream never shows half a character, and ends with the same text as decode().

#include <random>

#include "prompt/detokenizer.hpp"
#include "prompt/tiny_tokenizer.hpp"
#include "prompt/utf8.hpp"
#include "support/catch.hpp"

using namespace clawrl;

namespace {

/// The token of one byte.
TokenId byte_token(const Tokenizer& tokenizer, unsigned char byte) {
  return *tokenizer.id_of(std::string(1, static_cast<char>(byte)));
}

}  // namespace

TEST_CASE("bytes are held back while their character may still come") {
  const test::TemporaryFolder folder;
  const Tokenizer tokenizer = test::tiny_tokenizer(folder);
  Detokenizer stream(tokenizer, true);
  const auto push = [&](unsigned char byte) { return stream.push(byte_token(tokenizer, byte)); };
  CHECK(push('A') == "A");
  CHECK(push(0xF0).empty());
  CHECK(push(0x9F).empty());
  CHECK(stream.push(302).empty());  // a skipped special token in the middle
  CHECK(push(0x98).empty());
  CHECK(push(0x80) == "\xF0\x9F\x98\x80");
  CHECK(push(0xE4).empty());
  CHECK(push('B') ==
        "\xEF\xBF\xBD"
        "B");                           // now it can never be one
  CHECK(push(0xFF) == "\xEF\xBF\xBD");  // never starts a character
  CHECK(push(0xE4).empty());
  CHECK(push(0xB8).empty());
  CHECK(stream.flush() == "\xEF\xBF\xBD");
  CHECK(stream.flush().empty());
}

TEST_CASE("special tokens are shown when they are not skipped") {
  const test::TemporaryFolder folder;
  const Tokenizer tokenizer = test::tiny_tokenizer(folder);
  Detokenizer stream(tokenizer, false);
  CHECK(stream.push(302) == "<|im_end|>");
  CHECK(stream.push(9999).empty());
}

TEST_CASE("pieces and flush together are decode of all ids, for any ids") {
  const test::TemporaryFolder folder;
  const Tokenizer tokenizer = test::tiny_tokenizer(folder);
  std::mt19937 random(4);
  for (int i = 0; i < 2000; ++i) {
    const bool skip = random() % 2 == 0;
    std::vector<TokenId> ids(random() % 40);
    for (TokenId& id : ids) id = static_cast<TokenId>(random() % 310);
    Detokenizer stream(tokenizer, skip);
    std::string text;
    for (const TokenId id : ids) {
      const std::string piece = stream.push(id);
      REQUIRE(is_valid_utf8(piece));
      text += piece;
    }
    CHECK(text + stream.flush() == tokenizer.decode(ids, skip));
  }
}
