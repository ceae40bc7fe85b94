// Splitting text into words.

#include "feedback/words.hpp"
#include "support/catch.hpp"

using namespace clawrl;

namespace {

std::string joined(const std::string& text) {
  std::string out;
  for (const Word& word : split_words(text)) out += word.text + (word.possessive ? "'s " : " ");
  return out;
}

}  // namespace

TEST_CASE("words are lower case, apostrophes go, dates stay whole") {
  CHECK(joined("Your TIP, from Monday!") == "your tip from monday ");
  CHECK(joined("yesterday's tip didn't work") == "yesterday's tip didnt work ");
  CHECK(joined("It\xE2\x80\x99s Monday\xE2\x80\x99s") == "it's monday's ");
  CHECK(joined("on 2026-11-25, at 10:30.") == "on 2026-11-25 at 10:30 ");
  CHECK(joined("the cats' food 'quoted'") == "the cats food quoted ");
  CHECK(joined("caf\xC3\xA9 \xE2\x80\x9Cx\xE2\x80\x9D") != "");
  CHECK(joined("") == "");
  CHECK(joined("'") == "");
  CHECK(joined("'''s ''") == "s ");
  CHECK(joined(std::string(100'000, '\'')) == "");
}

TEST_CASE("stems bring forms of a word together") {
  CHECK(stem("recipes") == stem("recipe"));
  CHECK(stem("stretches") == stem("stretch"));
  CHECK(stem("worked") == stem("works"));
  CHECK(stem("falling") == "fall");
  CHECK(stem("batteries") == "battery");
  CHECK(stem("glass") == "glass");
  CHECK(stem("bus") == "bus");
}
