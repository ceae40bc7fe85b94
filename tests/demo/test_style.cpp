// Styles as they are written and as they are read, hints, and what noise cannot fake.

#include <algorithm>

#include "demo/student.hpp"
#include "support/catch.hpp"

using namespace clawrl::demo;

namespace {

Style style_of(int bits) {
  return {(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0, (bits & 16) != 0, bits >> 5};
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

}  // namespace

TEST_CASE("every style is read back from every text that it renders") {
  Random random(1);
  for (int bits = 0; bits < 128; ++bits) {
    const Style style = style_of(bits);
    for (int i = 0; i < 40; ++i) {
      const Problem p = make_problem(random, i % 2 ? Split::train : Split::held_out);
      const std::string text = render_reply(random, p, style);
      const Observed seen = observe(text);
      const bool same = seen.bold == style.bold && seen.list == style.list && seen.box == style.box &&
                        seen.stock == style.stock && seen.warm == style.warm;
      if (!same) FAIL_CHECK(text);
      const Substance substance = check_substance(text, p);
      if (!substance.formed || !substance.correct) FAIL_CHECK(text);
    }
  }
}

TEST_CASE("a style drawn for wishes renders replies that obey them") {
  Random random(2);
  int shorter = 0, shorter_kept = 0;
  for (int a = 0; a < wish_count; ++a)
    for (int b = 0; b < wish_count; ++b) {
      const std::vector<Wish> wishes = {static_cast<Wish>(a), static_cast<Wish>(b)};
      if (a != b && !compatible(wishes[0], wishes[1])) continue;
      for (int i = 0; i < 50; ++i) {
        const Problem p = make_problem(random, Split::train);
        const std::string text = render_reply(random, p, style_obeying(random, wishes));
        for (Wish wish : wishes) {
          const bool kept = obeys(observe(text), wish);
          if (wish == Wish::shorter) {
            ++shorter;
            shorter_kept += kept;
          } else if (!kept) {
            FAIL_CHECK(name(wish) << " in: " << text);
          }
        }
      }
    }
  // The longest stock phrase with list, box and a subtraction has one word too many for "shorter".
  CHECK(shorter_kept >= shorter * 95 / 100);
}

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
      const auto read = read_hint(std::string(hint_text(one)) + " " + std::string(hint_text(two)));
      std::vector<Wish> expected = {one, two};
      std::sort(expected.begin(), expected.end());
      CHECK(read == expected);
    }
  }
  CHECK_FALSE(read_hint("Be nice."));
  CHECK_FALSE(read_hint("Use bold text. And more."));
  CHECK(read_hint("")->empty());
}

TEST_CASE("a stiff first reply rarely pleases the student") {
  Random random(4);
  int pleased = 0;
  constexpr int count = 5000;
  for (int i = 0; i < count; ++i) {
    const Problem p = make_problem(random, Split::held_out);
    pleased += grade_for_student(render_reply(random, p, stiff_style(random)), p).satisfied;
  }
  CHECK(pleased < count * 20 / 100);
  CHECK(pleased > count * 2 / 100);  // yet now and then: there must be something to reinforce
}

TEST_CASE("noise cannot pass for an answer") {
  Random random(5);
  int passed = 0;
  for (int i = 0; i < 200; ++i) {
    const Problem p = make_problem(random, Split::held_out);
    const Problem other = make_problem(random, Split::held_out);
    const std::string good = render_reply(random, p, {});
    const auto formed = [&](const std::string& text) { return check_substance(text, p).formed; };
    REQUIRE(formed(good));
    passed += formed("");
    passed += formed("ok");
    passed += formed("Great job, keep going, you are doing well and I believe in you.");
    passed += formed(p.text);  // the question given back
    passed += formed(replaced(good, p.first_name, p.first_name == "Mia" ? "Ben" : "Mia"));
    passed += formed(replaced(good, p.object, p.object == "red apples" ? "blue pens" : "red apples"));
    passed += formed("Start with " + std::to_string(p.start) + " and count on.");  // the core sentence is missing
    passed += formed(p.first_name + " now has many " + p.object + " in the garden.");
    passed += formed(p.first_name + " now has 123456 " + p.object + " in the garden.");
    std::string babble = good;
    for (int word = 0; word < 70; ++word) babble += " " + p.noun;
    passed += formed(babble);
    passed += p.text != other.text && p.first_name != other.first_name && formed(render_reply(random, other, {}));
  }
  CHECK(passed == 0);
}

TEST_CASE("a wrong number is well-formed and not correct") {
  Random random(6);
  const Problem p = make_problem(random, Split::train);
  const std::string verb = p.adds ? " now has " : " still has ";
  const Substance wrong =
      check_substance("So we see: " + p.first_name + verb + std::to_string(p.answer + 1) + " " + p.object + ".", p);
  CHECK(wrong.formed);
  CHECK_FALSE(wrong.correct);
  const std::string bold = "**" + std::to_string(p.answer) + "** ";
  const Substance right = check_substance("So we see: " + p.first_name + verb + bold + p.object + ".", p);
  CHECK(right.correct);
}
