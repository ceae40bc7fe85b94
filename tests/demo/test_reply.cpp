// Styles as they are written and as they are read, for every kind of task, and what noise cannot fake.

#include <algorithm>
#include <array>

#include "demo/reply.hpp"
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

constexpr std::array kinds = {TaskKind::solution, TaskKind::grading, TaskKind::comment};

}  // namespace

TEST_CASE("every style is read back from every text that it renders") {
  Random random(1);
  for (int bits = 0; bits < 128; ++bits) {
    const Style style = style_of(bits);
    for (int i = 0; i < 40; ++i) {
      const Task task = make_task(random, i % 2 ? Split::train : Split::held_out, random_kind(random));
      const std::string text = render_reply(random, task, style);
      const Observed seen = observe(text);
      const bool same = seen.bold == style.bold && seen.list == style.list && seen.box == style.box &&
                        seen.stock == style.stock && seen.warm == style.warm;
      if (!same) FAIL_CHECK(text);
      const Substance substance = check_substance(text, task);
      if (!substance.formed || !substance.correct) FAIL_CHECK(text);
    }
  }
}

TEST_CASE("a reply goes wrong where the first unwanted mark stands") {
  const std::string reply = "Certainly!\n1. Mia now has **4** pens.\n2. Well done.\n\\boxed{4}";
  CHECK(from_first_fault(reply, {Wish::no_box}) == "\\boxed{4}");
  CHECK(from_first_fault(reply, {Wish::no_box, Wish::no_bold}).starts_with("**4** pens."));
  CHECK(from_first_fault(reply, {Wish::no_list}).starts_with("1. Mia"));
  CHECK(from_first_fault(reply, {Wish::no_list, Wish::no_stock}) == reply);
  CHECK(from_first_fault(reply, {Wish::longer, Wish::warmer}).empty());
}

TEST_CASE("a style drawn for wishes renders replies that obey them") {
  Random random(2);
  int shorter = 0, shorter_kept = 0;
  for (int a = 0; a < wish_count; ++a)
    for (int b = 0; b < wish_count; ++b) {
      const std::vector<Wish> wishes = {static_cast<Wish>(a), static_cast<Wish>(b)};
      if (a != b && !compatible(wishes[0], wishes[1])) continue;
      for (int i = 0; i < 50; ++i) {
        const Task task = make_task(random, Split::train, random_kind(random));
        const std::string text = render_reply(random, task, style_obeying(random, wishes));
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

TEST_CASE("noise cannot pass for an answer") {
  Random random(5);
  int passed = 0;
  for (int i = 0; i < 300; ++i) {
    const Task task = make_task(random, Split::held_out, kinds[static_cast<std::size_t>(i) % kinds.size()]);
    const Task other = make_task(random, Split::held_out, task.kind);
    const Problem& p = task.problem;
    const std::string good = render_reply(random, task, {});
    const auto formed = [&](const std::string& text) { return check_substance(text, task).formed; };
    REQUIRE(formed(good));
    passed += formed("");
    passed += formed("ok");
    passed += formed("Great job, keep going, you are doing well and I believe in you.");
    passed += formed(task.text);  // the question given back
    passed += formed(replaced(good, p.first_name, p.first_name == "Mia" ? "Ben" : "Mia"));
    passed += formed(replaced(good, p.object, p.object == "red apples" ? "blue pens" : "red apples"));
    passed += formed("Start with " + std::to_string(p.start) + " and count on.");  // the core sentence is missing
    passed += formed(p.first_name + " now has many " + p.object + " in the garden.");
    passed += formed(p.first_name + " now has 123456 " + p.object + " in the garden.");
    std::string babble = good;
    for (int word = 0; word < 70; ++word) babble += " " + p.noun;
    passed += formed(babble);
    passed += p.first_name != other.problem.first_name && formed(render_reply(random, other, {}));
  }
  CHECK(passed == 0);
}

TEST_CASE("grading and comment must judge the pupil's answer, and a comment must name the pupil") {
  Random random(8);
  int passed = 0;
  for (TaskKind kind : {TaskKind::grading, TaskKind::comment})
    for (int i = 0; i < 200; ++i) {
      const Task task = make_task(random, Split::held_out, kind);
      const std::string good = render_reply(random, task, {});
      const auto formed = [&](const std::string& text) { return check_substance(text, task).formed; };
      const std::string answer = "answer " + std::to_string(task.claimed) + " is ";
      passed += formed(replaced(good, answer, "answer 55 is "));
      passed += formed(replaced(good, answer, "answer may be "));
      passed += formed(good + " The " + answer + "right. The " + answer + "wrong.");  // both at once
      if (kind == TaskKind::comment) passed += formed(replaced(good, task.pupil + ", ", ""));
      const bool right = task.claimed == task.problem.answer;
      const Substance contrary = check_substance(
          replaced(good, answer + (right ? "right" : "wrong"), answer + (right ? "wrong" : "right")), task);
      CHECK(contrary.formed);
      CHECK_FALSE(contrary.correct);
    }
  CHECK(passed == 0);
}

TEST_CASE("a wrong number is well-formed and not correct") {
  Random random(6);
  const Task task = make_task(random, Split::train, TaskKind::solution);
  const Problem& p = task.problem;
  const std::string verb = p.adds ? " now has " : " still has ";
  const Substance wrong =
      check_substance("So we see: " + p.first_name + verb + std::to_string(p.answer + 1) + " " + p.object + ".", task);
  CHECK(wrong.formed);
  CHECK_FALSE(wrong.correct);
  const std::string bold = "**" + std::to_string(p.answer) + "** ";
  const Substance right = check_substance("So we see: " + p.first_name + verb + bold + p.object + ".", task);
  CHECK(right.correct);
}
