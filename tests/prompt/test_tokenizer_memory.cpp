// A prompt that begins like an earlier one: the ids are those of a fresh tokenizer, whatever is cut, changed or
// literal.

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>

#include "core/error.hpp"
#include "prompt/tiny_tokenizer.hpp"
#include "prompt/tokenizer_memory.hpp"
#include "support/catch.hpp"

using namespace clawrl;

namespace {

using Random = std::mt19937_64;

std::size_t below(Random& random, std::size_t bound) {
  return static_cast<std::size_t>(random() % bound);
}

/// Bits of text that meet badly: half special tokens, blanks that a regex looks over, marks that join what is before.
std::string random_text(Random& random, std::size_t bytes) {
  static const std::vector<std::string> bits = {"the cat",
                                                " sat",
                                                "  ",
                                                "\n",
                                                "\n\n",
                                                " \n",
                                                "\t",
                                                "'s",
                                                "'",
                                                "12",
                                                "3",
                                                ".",
                                                "...",
                                                " <",
                                                "<|im_",
                                                "start|>",
                                                "<|im_start|>",
                                                "<|im_end|>",
                                                "<|im_end|>\n",
                                                "<think>",
                                                "</think>",
                                                "caf",
                                                "e",
                                                "\xCC\x81",
                                                "\xC3\xA9",
                                                "\xE1\x84\x80",
                                                "\xE1\x85\xA1",
                                                "\xE4\xBD\xA0",
                                                "\xF0\x9F\x98\x80",
                                                "\xFF",
                                                "\xE4\xBD",
                                                "x",
                                                "          "};
  std::string text;
  const bool plain = below(random, 3) == 0;  // long stretches without added tokens
  while (text.size() < bytes)
    text += plain && below(random, 8) ? bits[below(random, 12)] : bits[below(random, bits.size())];
  return text;
}

std::vector<LiteralRange> random_ranges(Random& random, std::size_t size) {
  std::vector<LiteralRange> ranges;
  for (std::size_t at = below(random, 900); at < size; at += 1 + below(random, 2000)) {
    const std::size_t end = std::min(size, at + below(random, 1500));
    ranges.push_back({at, end});
    at = end;
  }
  return ranges;
}

std::vector<LiteralRange> within(std::vector<LiteralRange> ranges, std::size_t size) {
  std::erase_if(ranges, [&](const LiteralRange& range) { return range.begin >= size; });
  for (LiteralRange& range : ranges) range.end = std::min(range.end, size);
  return ranges;
}

}  // namespace

TEST_CASE("ids do not depend on what was encoded before") {
  const test::TemporaryFolder folder;
  const Tokenizer tokenizer = test::tiny_tokenizer(folder);
  const std::string path = (folder.path / "tokenizer.json").string();
  Random random(7);
  for (int round = 0; round < 60; ++round) {
    const std::string first = random_text(random, 3000 + below(random, 9000));
    const auto ranges = random_ranges(random, first.size());
    tokenizer.encode(first, ranges);
    for (int change = 0; change < 6; ++change) {
      const std::size_t kept = below(random, first.size());
      std::string second = first.substr(0, kept);
      auto literal = within(ranges, kept);
      if (below(random, 4) == 0 && !literal.empty()) literal.pop_back();
      second += random_text(random, below(random, 1500));
      INFO("round " << round << " change " << change << " kept " << kept);
      CHECK(tokenizer.encode(second, literal) == Tokenizer::load(path).encode(second, literal));
    }
  }
}

TEST_CASE("literal ranges: what touches one stays text, the rest is parsed, and merges go across") {
  const test::TemporaryFolder folder;
  const Tokenizer tokenizer = test::tiny_tokenizer(folder);
  const std::string text = "<|im_start|>a<|im_end|>b<|im_end|>";
  const LiteralRange user{12, 24};  // a<|im_end|>
  const auto ids = tokenizer.encode(text, std::span(&user, 1));
  CHECK(ids.front() == 301);
  CHECK(std::count(ids.begin(), ids.end(), 302) == 1);
  CHECK(ids.back() == 302);
  CHECK(tokenizer.decode(ids, false) == text);
  const LiteralRange touching{22, 23};
  CHECK(tokenizer.encode(text, std::span(&touching, 1)) != tokenizer.encode(text));
  const LiteralRange cat{0, 5};
  CHECK(tokenizer.encode("the cat sat", std::span(&cat, 1)) == tokenizer.encode("the cat sat"));
  const LiteralRange bad[] = {{3, 5}, {4, 6}};
  CHECK_THROWS_AS(tokenizer.encode("the cat", bad), InternalError);
  const LiteralRange outside{3, 50};
  CHECK_THROWS_AS(tokenizer.encode("the cat", std::span(&outside, 1)), InternalError);
}

TEST_CASE("the memory is bounded and finds the longest beginning that it knows") {
  PromptMemory memory(200'000);
  const std::string shared(4096, 'a');
  for (int i = 0; i < 40; ++i) {
    EncodedPrompt prompt;
    prompt.text = shared + std::string(4096, static_cast<char>('b' + i % 20)) + std::to_string(i);
    memory.keep(std::move(prompt));
  }
  const auto found = memory.find(shared + std::string(5000, 'u'), {});  // 'u' = 19: the last one of its kind is new
  REQUIRE(found.prompt);
  CHECK(found.common == 8192);
  CHECK_FALSE(memory.find(std::string(4096, 'z'), {}).prompt);
  const LiteralRange literal{5000, 6000};
  CHECK(memory.find(shared + std::string(5000, 'u'), std::span(&literal, 1)).common == 5000);
  EncodedPrompt large;
  large.text = std::string(100'000, 'L');
  memory.keep(std::move(large));
  CHECK_FALSE(memory.find(std::string(100'000, 'L'), {}).prompt);  // it would have pushed out half of the rest
}

TEST_CASE("threads that share a tokenizer get the ids of one") {
  const test::TemporaryFolder folder;
  const Tokenizer tokenizer = test::tiny_tokenizer(folder);
  Random random(3);
  const std::string base = random_text(random, 20'000);
  std::vector<std::string> texts;
  for (int i = 0; i < 24; ++i) texts.push_back(base.substr(0, 1000 + below(random, 19'000)) + random_text(random, 300));
  std::vector<std::vector<TokenId>> wanted;
  for (const auto& text : texts)
    wanted.push_back(Tokenizer::load((folder.path / "tokenizer.json").string()).encode(text));
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < 3 * texts.size(); ++i) {
        const std::size_t which = (i * 7 + static_cast<std::size_t>(t) * 5) % texts.size();
        if (tokenizer.encode(texts[which]) != wanted[which]) ++wrong;
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
}
