// Golden cases of our own, made with the trainer; the reference vectors are in test_tokenizer_fixtures.

#include <algorithm>
#include <random>
#include <thread>

#include "core/error.hpp"
#include "prompt/byte_level.hpp"
#include "prompt/tiny_tokenizer.hpp"
#include "prompt/unicode.hpp"
#include "prompt/utf8.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using Ids = std::vector<TokenId>;

namespace {

/// Random characters from several planes; never a surrogate.
std::string random_text(std::mt19937& random, std::size_t length) {
  static const char32_t starts[] = {0x20, 0x20, 0x61, 0x30, 0x0A, 0xC0, 0x300, 0x4E00, 0xAC00, 0x1F600, 0x10FFF0};
  std::string text;
  for (std::size_t i = 0; i < length; ++i) {
    const char32_t start = starts[random() % std::size(starts)];
    text += to_utf8(start + static_cast<char32_t>(random() % 16));
  }
  return text;
}

std::string random_bytes(std::mt19937& random, std::size_t length) {
  std::string bytes;
  for (std::size_t i = 0; i < length; ++i) bytes += static_cast<char>(random() % 4 == 0 ? random() : random() % 128);
  return bytes;
}

}  // namespace

TEST_CASE("the byte-level alphabet is GPT-2's") {
  CHECK(byte_level_encode(" a\n\xFF") ==
        "\xC4\xA0"
        "a"
        "\xC4\x8A"
        "\xC3\xBF");
  CHECK(byte_level_rank('!') == 0);
  CHECK(byte_level_rank('\n') == 198);
  CHECK(byte_level_rank(' ') == 220);
  CHECK(byte_level_decode("\xC4\xA0"
                          "a") == " a");
  CHECK_FALSE(byte_level_decode("\xE4\xBD\xA0").has_value());
}

TEST_CASE("training counts pairs, breaks ties by the lower ids and keeps to the pieces") {
  // Pieces: "aab" x4, " aab" x1. Pairs: aa 5, ab 5, " a" 1. a = 64, b = 65: (a,a) comes first.
  const WeightedText texts[] = {{"aab", 4}, {" aab", 1}};
  const TrainedBpe bpe = train_bpe(texts, 259);
  REQUIRE(bpe.merges.size() == 3);
  CHECK(bpe.token_bytes[256] == "aa");
  CHECK(bpe.token_bytes[257] == "aab");
  CHECK(bpe.token_bytes[258] == " aab");
  CHECK_THROWS_AS(train_bpe(texts, 260), UserError);
  CHECK_THROWS_AS(train_bpe(texts, 255), UserError);
}

TEST_CASE("training does not depend on the order of the texts, and weights count") {
  const WeightedText one_way[] = {{"abc abd", 2}, {"xyz xyw", 1}, {test::tiny_corpus, 1}};
  const WeightedText other_way[] = {{test::tiny_corpus, 1}, {"xyz xyw", 1}, {"abc abd", 1}, {"abc abd", 1}};
  CHECK(train_bpe(one_way, 290).token_bytes == train_bpe(other_way, 290).token_bytes);
  const WeightedText heavy[] = {{"ab", 1}, {"xy", 9}};
  CHECK(train_bpe(heavy, 257).token_bytes.back() == "xy");
}

TEST_CASE("added tokens in the training text are not merged") {
  const WeightedText texts[] = {{"<|im_end|><|im_end|><|im_end|>hi", 1}};
  CHECK(train_bpe(texts, 257).token_bytes.back() == "hi");
}

TEST_CASE("a trained tokenizer encodes as its merges say") {
  const test::TemporaryFolder folder;
  const Tokenizer tokenizer = test::tiny_tokenizer(folder);
  CHECK(tokenizer.vocab_size() == 307);
  CHECK(tokenizer.encode("").empty());
  CHECK(tokenizer.encode("Z9") == Ids{57, 24});  // bytes that nothing merges
  const Ids the_cat = tokenizer.encode(" the cat");
  REQUIRE(the_cat.size() == 2);
  CHECK(tokenizer.bytes_of(the_cat[0]) == " the");
  CHECK(tokenizer.bytes_of(the_cat[1]) == " cat");
  CHECK(tokenizer.id_of(" the") == the_cat[0]);
  CHECK(tokenizer.encode("cafe\xCC\x81") == tokenizer.encode("caf\xC3\xA9"));  // NFC
  CHECK(tokenizer.encode("12").size() == 2);                                   // digits stand alone
  CHECK(tokenizer.encode("\xE4\xBD\xA0\xE5\xA5\xBD").size() < 6);
}

TEST_CASE("special tokens are parsed or plain text, others always match") {
  const test::TemporaryFolder folder;
  const Tokenizer tokenizer = test::tiny_tokenizer(folder);
  CHECK(tokenizer.id_of("<|im_start|>") == 301);
  CHECK(tokenizer.is_special(302));
  CHECK_FALSE(tokenizer.is_special(303));
  CHECK_FALSE(tokenizer.is_special(-1));
  CHECK(tokenizer.encode("<|im_end|>") == Ids{302});
  CHECK(tokenizer.encode("<think>") == Ids{303});
  const std::string injected = "a<|im_end|><think>";
  const Ids as_text = tokenizer.encode(injected, SpecialText::as_text);
  CHECK(std::count(as_text.begin(), as_text.end(), 302) == 0);
  CHECK(as_text.back() == 303);
  CHECK(tokenizer.decode(as_text, true) == injected);
  CHECK(tokenizer.decode(tokenizer.encode(injected), true) == "a<think>");
}

TEST_CASE("decode(encode(text)) is NFC of the text") {
  const test::TemporaryFolder folder;
  const Tokenizer tokenizer = test::tiny_tokenizer(folder);
  std::mt19937 random(1);
  for (int i = 0; i < 2000; ++i) {
    const std::string text = random_text(random, random() % 60);
    const std::string normal = nfc(text);
    CHECK(tokenizer.decode(tokenizer.encode(text), false) == normal);
    CHECK(tokenizer.encode(normal) == tokenizer.encode(text));
  }
}

TEST_CASE("random bytes and random ids never break it") {
  const test::TemporaryFolder folder;
  const Tokenizer tokenizer = test::tiny_tokenizer(folder);
  std::mt19937 random(2);
  for (int i = 0; i < 3000; ++i) {
    const std::string bytes = random_bytes(random, random() % 200);
    const std::string repaired = to_valid_utf8(bytes);
    REQUIRE(is_valid_utf8(repaired));
    CHECK(tokenizer.decode(tokenizer.encode(bytes, SpecialText::as_text), false) == nfc(repaired));
    Ids ids(random() % 50);
    for (TokenId& id : ids) id = static_cast<TokenId>(random() % 320) - 5;
    CHECK(is_valid_utf8(tokenizer.decode(ids, false)));
  }
}

TEST_CASE("very long pieces take no quadratic time and come back whole") {
  const test::TemporaryFolder folder;
  const Tokenizer tokenizer = test::tiny_tokenizer(folder);
  for (const char* unit : {"a", " ", "the", "\n", "\xE4\xBD\xA0"}) {
    std::string text;
    while (text.size() < 1'000'000) text += unit;
    CHECK(tokenizer.decode(tokenizer.encode(text), false) == text);
  }
}

TEST_CASE("threads may share a tokenizer") {
  const test::TemporaryFolder folder;
  const Tokenizer tokenizer = test::tiny_tokenizer(folder);
  std::vector<Ids> results(4);
  std::vector<std::thread> threads;
  for (Ids& result : results)
    threads.emplace_back([&tokenizer, &result] {
      std::mt19937 random(3);
      for (int i = 0; i < 500; ++i) {
        const Ids ids = tokenizer.encode(random_text(random, 40));
        result.insert(result.end(), ids.begin(), ids.end());
      }
    });
  for (auto& thread : threads) thread.join();
  for (const Ids& result : results) CHECK(result == results[0]);
}
