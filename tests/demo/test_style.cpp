// Wishes, their opposites and their hints, and styles drawn for them.

#include <algorithm>
#include <array>

#include "demo/style.hpp"
#include "support/catch.hpp"

using namespace clawrl::demo;

TEST_CASE("wishes and their opposites") {
  for (int i = 0; i < wish_count; ++i) {
    const Wish wish = static_cast<Wish>(i);
    CHECK(opposite(opposite(wish)) == wish);
    CHECK_FALSE(compatible(wish, wish));
    CHECK_FALSE(compatible(wish, opposite(wish)));
    for (int j = 0; j < wish_count; ++j)
      CHECK(compatible(wish, static_cast<Wish>(j)) == compatible(static_cast<Wish>(j), wish));
  }
  Random random(3);
  CHECK_THROWS(style_obeying(random, {Wish::bold, Wish::no_bold}));
}

TEST_CASE("hints are read back as the wishes that they say") {
  for (int a = 0; a < wish_count; ++a) {
    const Wish one = static_cast<Wish>(a);
    CHECK(read_hint(hint_text(one)) == std::vector<Wish>{one});
    for (int b = 0; b < wish_count; ++b) {
      const Wish two = static_cast<Wish>(b);
      const auto read = read_hint(joined_hints({one, two}));
      std::vector<Wish> expected = {one, two};
      std::sort(expected.begin(), expected.end());
      CHECK(read == expected);
    }
  }
  CHECK_FALSE(read_hint("Be nice."));
  CHECK_FALSE(read_hint("Use bold text. And more."));
  CHECK(read_hint("")->empty());
}

TEST_CASE("features are drawn independently") {
  Random random(7);
  constexpr int count = 20'000;
  std::array<double, 6> one{};
  std::array<std::array<double, 6>, 6> both{};
  for (int i = 0; i < count; ++i) {
    const Style s = stiff_style(random);
    const std::array<bool, 6> has = {s.bold, s.list, s.box, s.stock, s.warm, s.extras > 0};
    for (std::size_t a = 0; a < has.size(); ++a) {
      one[a] += has[a] / double(count);
      for (std::size_t b = 0; b < has.size(); ++b) both[a][b] += (has[a] && has[b]) / double(count);
    }
  }
  for (std::size_t a = 0; a < one.size(); ++a) {
    CHECK(one[a] > 0.1);
    CHECK(one[a] < 0.6);
    for (std::size_t b = 0; b < a; ++b) CHECK(both[a][b] == Approx(one[a] * one[b]).margin(0.015));
  }
}
