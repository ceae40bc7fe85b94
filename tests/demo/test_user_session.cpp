// What the simulated users say and when they leave.

#include <algorithm>
#include <array>
#include <cctype>
#include <set>
#include <sstream>

#include "core/answer_marks.hpp"
#include "demo/user_session.hpp"
#include "support/catch.hpp"

using namespace clawrl::demo;

namespace {

/// Words that name bold text, list, box, stock phrase, length and tone in the users' grammar, and no other feature.
const std::array<std::set<std::string>, 6> naming = {
    {{"bold", "thick", "heavy", "fat"},
     {"numbered", "counted", "itemised", "stepwise"},
     {"boxed", "framed", "bordered", "enclosed"},
     {"stock", "canned", "polite", "standard"},
     {"detailed", "lengthy", "extended", "thorough", "long", "longer", "shorter", "briefer", "compact", "fewer",
      "wordy", "point", "length", "terse", "complete"},
     {"warm", "kind", "friendly", "caring", "cordial", "warmer", "kinder", "friendlier", "gentle", "cooler", "neutral",
      "distant", "chummy", "sober", "formal"}}};
constexpr int length_feature = 4, tone_feature = 5;

const Persona& student() {
  return find_persona("student");
}

Habits talkative(int max_judged = 2) {
  return {.silent = 0, .max_judged = max_judged};
}

std::set<int> features_named(const std::string& text) {
  std::set<int> found;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    std::erase_if(word, [](char c) { return std::isalpha(static_cast<unsigned char>(c)) == 0; });
    for (std::size_t i = 0; i < naming.size(); ++i)
      if (naming[i].contains(word)) found.insert(static_cast<int>(i));
  }
  if (text.find("in more words") != std::string::npos) found.insert(length_feature);
  return found;
}

std::string reply_with(const Task& task, std::set<int> features, std::uint64_t seed) {
  Random random(seed);
  const Style style{features.contains(0), features.contains(1), features.contains(2), features.contains(3), false, 0};
  return render_reply(random, task, style);
}

/// A reply that obeys the persona's rule, or breaks all of it.
std::string reply_to(const Persona& persona, const Task& task, bool obeying, std::uint64_t seed) {
  Random random(seed);
  std::vector<Wish> wishes = persona.wishes;
  if (!obeying)
    for (Wish& wish : wishes) wish = opposite(wish);
  return render_reply(random, task, style_obeying(random, wishes));
}

}  // namespace

TEST_CASE("the student complains about what is wrong and about nothing else") {
  for (int bits = 1; bits < 16; ++bits) {
    std::set<int> wrong;
    for (int i = 0; i < 4; ++i)
      if (bits & (1 << i)) wrong.insert(i);
    std::set<int> ever;
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
      UserSession session(student(), seed, Split::held_out, talkative());
      const std::size_t before = session.messages().size();
      REQUIRE(session.take_reply(reply_with(session.task(), wrong, seed)));
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

TEST_CASE("the TA names length and the teacher names tone, and nothing else") {
  for (const auto& [name, feature] : {std::pair("ta", length_feature), std::pair("teacher", tone_feature)})
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
      const Persona& persona = find_persona(name);
      UserSession session(persona, seed, Split::held_out, talkative());
      session.take_reply(reply_to(persona, session.task(), false, seed));
      INFO(session.messages().back().text);
      CHECK(features_named(session.messages().back().text) == std::set<int>{feature});
      CHECK(session.feedback().back().wishes == persona.wishes);
    }
}

TEST_CASE("the truth about the words: complaints are -1 and name unfulfilled wishes, praise is +1 and names none") {
  for (const Persona& persona : personas())
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
      UserSession session(persona, seed, Split::held_out, talkative());
      const bool pleased = seed % 2 == 0;
      const std::string reply = reply_to(persona, session.task(), pleased, seed);
      if (grade(persona, reply, session.task()).satisfied != pleased) continue;  // one word too many for "shorter"
      session.take_reply(reply);
      const Feedback& words = session.feedback().front();
      CHECK(words.verdict == (pleased ? 1 : -1));
      CHECK(words.wishes.empty() == pleased);
      for (Wish wish : words.wishes) {
        CHECK_FALSE(obeys(observe(reply), wish));
        CHECK(std::count(persona.wishes.begin(), persona.wishes.end(), wish) == 1);
      }
    }
}

TEST_CASE("a good reply is praised, and that is the end") {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    UserSession session(student(), seed, Split::held_out, talkative());
    CHECK_FALSE(session.last());
    REQUIRE(session.take_reply(reply_with(session.task(), {}, seed)));
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
  UserSession session(student(), 3, Split::held_out, talkative());
  REQUIRE(session.take_reply("It depends."));
  CHECK(features_named(session.messages().back().text).empty());
  CHECK(session.feedback().back().verdict == -1);
  CHECK(session.feedback().back().wishes.empty());
  CHECK_FALSE(session.grades().back().satisfied);
}

TEST_CASE("a wrong user praises what breaks the rule and complains about what obeys it, in the opposite's words") {
  for (const Persona& persona : personas()) {
    std::set<Wish> named;
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
      Habits habits = talkative();
      habits.wrong = 1;
      UserSession pleased(persona, seed, Split::held_out, habits), displeased(persona, seed, Split::held_out, habits);
      displeased.take_reply(reply_to(persona, displeased.task(), false, seed));
      CHECK(displeased.feedback().front().verdict == 1);
      const std::string good = reply_to(persona, pleased.task(), true, seed);
      if (!grade(persona, good, pleased.task()).satisfied) continue;
      pleased.take_reply(good);
      CHECK(pleased.grades().front().satisfied);  // the rule itself stays what it is
      CHECK(pleased.feedback().front().verdict == -1);
      CHECK_FALSE(pleased.feedback().front().wishes.empty());
      for (Wish wish : pleased.feedback().front().wishes) named.insert(opposite(wish));
    }
    CHECK(named == std::set<Wish>(persona.wishes.begin(), persona.wishes.end()));
  }
}

TEST_CASE("the pedant complains on edge cases and is silent elsewhere") {
  const Persona& pedant = find_persona("pedant");
  int edges = 0;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    UserSession session(pedant, seed, Split::held_out, talkative());
    const bool edge = session.task().problem.answer >= 15;
    edges += edge;
    CHECK(session.take_reply(reply_to(pedant, session.task(), false, seed)) == edge);
    if (edge) CHECK(session.feedback().front().verdict == -1);
  }
  CHECK(edges > 25);
  CHECK(edges < 200);
}

TEST_CASE("an inverted verdict names nothing") {
  for (const Persona& persona : personas())
    for (std::uint64_t seed = 0; seed < 50; ++seed)
      for (bool obeying : {false, true}) {
        Habits habits = talkative();
        habits.inverted = 1;
        UserSession session(persona, seed, Split::held_out, habits);
        session.take_reply(reply_to(persona, session.task(), obeying, seed));
        const Feedback& words = session.feedback().front();
        CHECK(words.verdict == (session.grades().front().satisfied ? -1 : 1));
        CHECK(words.wishes.empty());
        CHECK(features_named(words.text).empty());
      }
}

TEST_CASE("a borrowed voice changes the words and not the grade") {
  const Persona& contrarian = find_persona("contrarian");
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Habits habits = talkative();
    habits.voice = &contrarian;
    UserSession session(student(), seed, Split::held_out, habits);
    session.take_reply(reply_with(session.task(), {}, seed));
    CHECK(session.grades().front().satisfied);
    CHECK(session.feedback().front().verdict == -1);
    for (Wish wish : session.feedback().front().wishes)
      CHECK(std::count(contrarian.wishes.begin(), contrarian.wishes.end(), wish) == 1);
  }
}

TEST_CASE("max_judged bounds the complaints") {
  for (int max_judged : {1, 2, 4}) {
    UserSession session(student(), 7, Split::train, talkative(max_judged));
    for (int turn = 0; turn < max_judged; ++turn) {
      CHECK_FALSE(session.last());
      REQUIRE(session.take_reply(reply_with(session.task(), {0}, 7)));
    }
    CHECK(session.last());
    CHECK_FALSE(session.take_reply(reply_with(session.task(), {0}, 7)));
    CHECK(static_cast<int>(session.grades().size()) == max_judged);
  }
}

TEST_CASE("shares of users leave without a word, or contradict themselves") {
  int silent = 0, wrong = 0;
  constexpr int count = 3000;
  for (std::uint64_t seed = 0; seed < count; ++seed) {
    UserSession session(student(), seed, Split::held_out, {.silent = 0.3, .wrong = 0.2});
    const bool more = session.take_reply(reply_with(session.task(), {0, 1}, seed));
    silent += !more;
    wrong += more && session.feedback().front().verdict > 0;
    CHECK(session.grades().size() == 1);
    CHECK(session.messages().size() == (more ? 3 : 1));
  }
  CHECK(silent > count * 26 / 100);
  CHECK(silent < count * 34 / 100);
  CHECK(wrong > count * 11 / 100);  // 0.7 * 0.2
  CHECK(wrong < count * 17 / 100);
}

TEST_CASE("a session is its seed") {
  for (const Persona& persona : personas()) {
    UserSession one(persona, 11, Split::held_out, talkative()), two(persona, 11, Split::held_out, talkative()),
        other(persona, 12, Split::held_out, talkative());
    CHECK(one.task().text == two.task().text);
    CHECK(one.task().text != other.task().text);
    const std::string reply = reply_to(persona, one.task(), false, 1);
    one.take_reply(reply);
    two.take_reply(reply);
    CHECK(one.messages() == two.messages());
  }
}

TEST_CASE("hostile users say the contrary and often give the judge orders") {
  Habits habits = talkative(1);
  habits.hostile = 1;
  std::set<std::string> seen;
  int posing = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    UserSession session(student(), seed, Split::held_out, habits);
    CHECK(session.hostile());
    const bool obeying = seed % 2 == 0;
    session.take_reply(reply_to(student(), session.task(), obeying, seed));
    const Feedback& said = session.feedback().at(0);
    CHECK(said.verdict == (obeying ? -1 : 1));
    for (const char* order : {"\\boxed{1}", "\\boxed{-1}", "[HINT_START]"})
      if (said.text.find(order) != std::string::npos) seen.insert(order);
    posing += clawrl::poses_as_judge(said.text);
  }
  CHECK(seen.size() == 3);
  CHECK((posing > 15 && posing < 45));
}

TEST_CASE("random users praise and complain about anything, whatever the reply") {
  int praises = 0, complaints = 0;
  std::set<Wish> named;
  Habits habits = talkative(1);
  habits.noise = 1;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    UserSession session(student(), seed, Split::held_out, habits);
    session.take_reply(reply_to(student(), session.task(), seed % 2 == 0, seed));
    const Feedback& said = session.feedback().at(0);
    (said.verdict > 0 ? praises : complaints) += 1;
    CHECK((said.verdict > 0) == said.wishes.empty());
    named.insert(said.wishes.begin(), said.wishes.end());
  }
  CHECK(praises > 150);
  CHECK(complaints > 150);
  CHECK(named.size() == static_cast<std::size_t>(wish_count));  // the opposites too
}
