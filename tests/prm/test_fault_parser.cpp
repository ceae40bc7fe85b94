#include "prm/fault_parser.hpp"
#include "prompt/tiny_tokenizer.hpp"
#include "support/catch.hpp"

using namespace clawrl;

TEST_CASE("a grade is the last whole [SEVERITY: n]") {
  CHECK(parse_severity("bad. [SEVERITY: 2] \\boxed{-1}") == 2);
  CHECK(parse_severity("[SEVERITY:3]") == 3);
  CHECK(parse_severity("[SEVERITY: 1] no, [SEVERITY:  3 ]") == 3);
  CHECK(parse_severity("[SEVERITY: 1] and [SEVERITY: grave]") == 1);
  for (const char* none : {"", "SEVERITY: 2", "[SEVERITY: 4]", "[SEVERITY: 0]", "[SEVERITY: -1]", "[SEVERITY: 12]",
                           "[SEVERITY: 2", "[severity: 2]"})
    CHECK(parse_severity(none) == 0);
}

TEST_CASE("the grade that voters agree on is the lower median of those who said -1") {
  const Vote bad = std::int8_t{-1}, good = std::int8_t{1};
  CHECK(agreed_severity({bad, bad, bad}, {1, 3, 3}) == 3);
  CHECK(agreed_severity({bad, bad}, {1, 3}) == 1);
  CHECK(agreed_severity({bad, good, bad}, {1, 3, 0}) == 1);
  CHECK(agreed_severity({bad, std::nullopt}, {0, 3}) == 0);
  CHECK(agreed_severity({}, {}) == 0);
}

TEST_CASE("a fault is the last quoted pair") {
  CHECK(parse_fault("[FAULT_START] the cat [FAULT_END]") == "the cat");
  CHECK(parse_fault("[FAULT_START]a b[FAULT_END][FAULT_START]c d[FAULT_END]") == "c d");
  CHECK(parse_fault("[FAULT_START]the cat [...] the mat[FAULT_END]") == "the cat");
  CHECK_FALSE(parse_fault("[FAULT_START]open"));
  CHECK_FALSE(parse_fault("[FAULT_START]x[FAULT_END]"));
  CHECK_FALSE(parse_fault("[FAULT_START] [...] [FAULT_END]"));
}

TEST_CASE("a quote becomes the tokens that touch it") {
  test::TemporaryFolder folder;
  const Tokenizer tokenizer = test::tiny_tokenizer(folder);
  const std::string reply = "the cat sat on **12 + 34** mats";
  std::vector<TokenId> ids = {301};  // a special token has no text
  const auto rest = tokenizer.encode(reply);
  ids.insert(ids.end(), rest.begin(), rest.end());
  ids.push_back(302);
  const auto begin_of = [&](std::size_t byte) {  // the token that holds this byte of the reply
    std::size_t seen = 0;
    for (std::size_t t = 0; t < rest.size(); ++t) {
      seen += tokenizer.bytes_of(rest[t]).size();
      if (byte < seen) return static_cast<std::int32_t>(t) + 1;
    }
    return -1;
  };
  for (const std::string quote : {"**12 + 34**", "**12+34**", "* * 12 + 34", "the cat", "mats", "+"}) {
    INFO(quote);
    std::string bare = quote;
    std::erase(bare, ' ');
    const auto span = locate(tokenizer, ids, quote);
    REQUIRE(span);
    const char* const first = bare[0] == '*' ? "**" : bare[0] == 't' ? "the" : bare[0] == 'm' ? "mats" : "+";
    CHECK(span->begin == begin_of(reply.find(first)));
    CHECK(span->end > span->begin);
    CHECK(span->end <= static_cast<std::int32_t>(ids.size()) - 1);
  }
  const auto whole = locate(tokenizer, ids, reply);
  CHECK(whole->begin == 1);
  CHECK(whole->end == static_cast<std::int32_t>(ids.size()) - 1);
  CHECK_FALSE(locate(tokenizer, ids, "a dog"));
  CHECK_FALSE(locate(tokenizer, ids, "  "));
  CHECK_FALSE(locate(tokenizer, {}, "the cat"));
  CHECK_FALSE(locate(tokenizer, ids, "<|im_end|>"));
}

TEST_CASE("a character of several tokens is found whole") {
  test::TemporaryFolder folder;
  const Tokenizer tokenizer = test::tiny_tokenizer(folder);
  const auto ids = tokenizer.encode("x \xE8\xAF\xB7 y");
  const auto span = locate(tokenizer, ids, "\xE8\xAF\xB7");
  REQUIRE(span);
  std::string text;
  for (auto t = span->begin; t < span->end; ++t) text += tokenizer.bytes_of(ids[static_cast<std::size_t>(t)]);
  CHECK(text.find("\xE8\xAF\xB7") != std::string::npos);
}
