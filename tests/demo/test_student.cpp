// What the simulated student says and when it leaves.

#include <array>
#include <cctype>
#include <set>
#include <sstream>

#include "demo/student.hpp"
#include "support/catch.hpp"

using namespace clawrl::demo;

namespace {

/// Words that name bold text, list, box and stock phrase in the users' grammar, and no other feature.
const std::array<std::set<std::string>, 4> naming = {{{"bold", "thick", "heavy", "fat"},
                                                      {"numbered", "counted", "itemised", "stepwise"},
                                                      {"boxed", "framed", "bordered", "enclosed"},
                                                      {"stock", "canned", "polite", "standard"}}};

std::set<int> features_named(const std::string& text) {
  std::set<int> found;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    std::erase_if(word, [](char c) { return std::isalpha(static_cast<unsigned char>(c)) == 0; });
    for (std::size_t i = 0; i < naming.size(); ++i)
      if (naming[i].contains(word)) found.insert(static_cast<int>(i));
  }
  return found;
}

std::string reply_with(const Problem& problem, std::set<int> features, std::uint64_t seed) {
  Random random(seed);
  const Style style{features.contains(0), features.contains(1), features.contains(2), features.contains(3), false, 0};
  return render_reply(random, problem, style);
}

}  // namespace

TEST_CASE("the rule: no bold, no list, no box, no stock phrase, and an answer") {
  Random random(1);
  for (int bits = 0; bits < 16; ++bits) {
    const Problem p = make_problem(random, Split::held_out);
    const Style style{(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0, bits % 3 == 0, 1};
    const ReplyGrade grade = grade_for_student(render_reply(random, p, style), p);
    CHECK(grade.obeys == (bits == 0));
    CHECK(grade.satisfied == (bits == 0));
    CHECK(grade.substance.formed);
  }
  const Problem p = make_problem(random, Split::held_out);
  const ReplyGrade empty = grade_for_student("I do not know.", p);
  CHECK(empty.obeys);
  CHECK_FALSE(empty.satisfied);
}

TEST_CASE("the student complains about what is wrong and about nothing else") {
  for (int bits = 1; bits < 16; ++bits) {
    std::set<int> wrong;
    for (int i = 0; i < 4; ++i)
      if (bits & (1 << i)) wrong.insert(i);
    std::set<int> ever;
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
      StudentSession session(seed, Split::held_out, 0.0);
      const std::size_t before = session.messages().size();
      REQUIRE(session.take_reply(reply_with(session.problem(), wrong, seed)));
      REQUIRE(session.messages().size() == before + 2);
      CHECK(session.messages()[before].role == "assistant");
      CHECK(session.messages().back().role == "user");
      const auto named = features_named(session.messages().back().text);
      CHECK(named.size() == std::min<std::size_t>(2, wrong.size()));
      for (int feature : named) CHECK(wrong.contains(feature));
      ever.insert(named.begin(), named.end());
    }
    CHECK(ever == wrong);  // each of the wrong things is said by some student
  }
}

TEST_CASE("a good reply is praised, and that is the end") {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    StudentSession session(seed, Split::held_out, 0.0);
    CHECK_FALSE(session.last());
    REQUIRE(session.take_reply(reply_with(session.problem(), {}, seed)));
    CHECK(session.grades().back().satisfied);
    CHECK(features_named(session.messages().back().text).empty());
    CHECK(session.last());  // the praise is sent, and its reply is not judged
    const auto messages = session.messages().size();
    CHECK_FALSE(session.take_reply("You are welcome."));
    CHECK(session.messages().size() == messages);
    CHECK(session.grades().size() == 1);
  }
}

TEST_CASE("a reply without substance confuses: no feature is named") {
  StudentSession session(3, Split::held_out, 0.0);
  REQUIRE(session.take_reply("It depends."));
  CHECK(features_named(session.messages().back().text).empty());
  CHECK_FALSE(session.grades().back().satisfied);
}

TEST_CASE("max_judged bounds the complaints") {
  for (int max_judged : {1, 2, 4}) {
    StudentSession session(7, Split::train, 0.0, max_judged);
    for (int turn = 0; turn < max_judged; ++turn) {
      CHECK_FALSE(session.last());
      REQUIRE(session.take_reply(reply_with(session.problem(), {0}, 7)));
    }
    CHECK(session.last());
    CHECK_FALSE(session.take_reply(reply_with(session.problem(), {0}, 7)));
    CHECK(static_cast<int>(session.grades().size()) == max_judged);
  }
}

TEST_CASE("some students leave without a word") {
  int silent = 0;
  constexpr int count = 3000;
  for (std::uint64_t seed = 0; seed < count; ++seed) {
    StudentSession session(seed, Split::held_out, 0.3);
    const bool more = session.take_reply(reply_with(session.problem(), {0, 1}, seed));
    silent += !more;
    CHECK(session.grades().size() == 1);
    CHECK(session.messages().size() == (more ? 3 : 1));
  }
  CHECK(silent > count * 26 / 100);
  CHECK(silent < count * 34 / 100);
}

TEST_CASE("a session is its seed") {
  StudentSession one(11, Split::held_out, 0.0), two(11, Split::held_out, 0.0), other(12, Split::held_out, 0.0);
  CHECK(one.problem().text == two.problem().text);
  CHECK(one.problem().text != other.problem().text);
  const std::string reply = reply_with(one.problem(), {0, 3}, 1);
  one.take_reply(reply);
  two.take_reply(reply);
  CHECK(one.messages() == two.messages());
}
