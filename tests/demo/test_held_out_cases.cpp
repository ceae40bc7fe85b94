// The demo's held-out cases say the same of a reply as check_substance() and obeys() do.

#include "demo/held_out_cases.hpp"

#include <cstdlib>
#include <map>
#include <set>

#include "audit/reply_rules.hpp"
#include "demo/corpus.hpp"
#include "demo/persona.hpp"
#include "demo/reply.hpp"
#include "demo/task.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::demo;

namespace {

constexpr int count = 40;
constexpr std::uint64_t seed = 9;

/// The tasks in the order in which held_out_cases() draws them.
std::vector<Task> tasks() {
  std::vector<Task> all;
  for (int kind = 0; kind < task_kind_count; ++kind) {
    Random random(seed + static_cast<std::uint64_t>(kind));
    for (int i = 0; i < count; ++i) all.push_back(make_task(random, Split::held_out, static_cast<TaskKind>(kind)));
  }
  return all;
}

std::optional<Wish> wish_of(const HeldOutCase& one) {
  for (int w = 0; w < wish_count; ++w)
    if (one.messages[0].text.ends_with(hint_text(static_cast<Wish>(w)))) return static_cast<Wish>(w);
  return std::nullopt;
}

/// Of all styles, some with another number, another person, the opposite judgement, or cut short.
std::vector<std::string> replies(const Task& task, Random& random) {
  std::vector<std::string> all;
  for (int i = 0; i < 8; ++i) all.push_back(render_reply(random, task, stiff_style(random)));
  Task other = task;
  other.problem.answer += 1;
  all.push_back(render_reply(random, other, stiff_style(random)));
  other = task;
  other.problem.first_name = "Nobody";
  all.push_back(render_reply(random, other, stiff_style(random)));
  other = task;
  other.claimed += 3;
  all.push_back(render_reply(random, other, stiff_style(random)));
  all.push_back(all.front().substr(0, all.front().size() / 3));
  all.push_back("");
  return all;
}

}  // namespace

TEST_CASE("every set has its cases, with ids of their own") {
  const auto cases = held_out_cases(count, seed);
  std::map<std::string, int> sets;
  std::set<std::string> ids;
  for (const HeldOutCase& one : cases) ++sets[one.set], ids.insert(one.id);
  CHECK(sets == std::map<std::string, int>{{"accuracy", 3 * count},
                                           {"form", 3 * count},
                                           {"hints", 3 * count / 2},
                                           {"hints_against", 3 * count / 2},
                                           {"language", 3 * count},
                                           {"judge", 3 * count},
                                           {"hint_loss", 3 * count / 2},
                                           {"hint_loss_against", 3 * count / 2},
                                           {"judge_loss", 3 * count},
                                           {"style_student", count},
                                           {"style_ta", count},
                                           {"style_teacher", count}});
  for (const HeldOutCase& one : cases)
    CHECK(one.watched == (one.set.ends_with("_against") || one.set.starts_with("style")));
  CHECK(ids.size() == cases.size());
  write_held_out("demo_held_out.jsonl", cases);
  CHECK(read_held_out("demo_held_out.jsonl").size() == cases.size());
}

TEST_CASE("a reply passes as the gates would count it") {
  const auto cases = held_out_cases(count, seed);
  const auto all = tasks();
  Random random(3);
  int passed = 0, checked = 0, styled = 0;
  for (std::size_t t = 0; t < all.size(); ++t) {
    const ReplyRules accuracy(cases[8 * t]), form(cases[8 * t + 1]), hint(cases[8 * t + 2]);
    const ReplyRules style(cases[8 * t + 7]);
    const Persona& taught = find_persona(cases[8 * t + 7].set.substr(std::string("style_").size()));
    CHECK(taught.kinds == std::vector{all[t].kind});
    const auto wish = wish_of(cases[8 * t + 2]);
    REQUIRE(wish);
    CHECK(cases[8 * t + 3].text == all[t].text);
    const HeldOutCase& obeyed = cases[8 * t + 5];  // whose answer is what the hint asks for
    CHECK(obeyed.messages == cases[8 * t + 2].messages);
    CHECK(hint.pass(obeyed.answer));
    CHECK(accuracy.pass(obeyed.answer));
    for (const std::string& reply : replies(all[t], random)) {
      const Substance substance = check_substance(reply, all[t]);
      INFO(all[t].text << "\n" << reply);
      CHECK(accuracy.pass(reply) == substance.correct);
      CHECK(form.pass(reply) == substance.formed);
      CHECK(style.pass(reply) == grade(taught, reply, all[t]).satisfied);
      styled += style.pass(reply);
      CHECK(hint.pass(reply) == (substance.formed && obeys(observe(reply), *wish)));
      passed += accuracy.pass(reply);
      ++checked;
    }
  }
  CHECK(styled > checked / 50);
  CHECK(styled < checked / 2);
  CHECK(passed > checked / 2);
  CHECK(passed < checked);
}

TEST_CASE("the loss of a vote is that of the right one on the same turn") {
  const auto cases = held_out_cases(count, seed);
  for (std::size_t t = 0; t < 3 * count; ++t) {
    const HeldOutCase &judged = cases[8 * t + 4], &vote = cases[8 * t + 6];
    CHECK(vote.kind() == HeldOutKind::loss);
    CHECK(vote.judged->next_state == judged.judged->next_state);
    CHECK(vote.answer == "\\boxed{" + std::to_string(judged.verdict) + "}");
  }
}

TEST_CASE("judged turns are as often good, bad and neither") {
  std::map<int, int> verdicts;
  std::set<std::string> turns;
  for (const HeldOutCase& one : held_out_cases(count, seed)) {
    if (one.kind() != HeldOutKind::verdict) continue;
    ++verdicts[one.verdict];
    CHECK(one.judged->next_role == "user");
    turns.insert(one.judged->task + "|" + one.judged->reply + "|" + one.judged->next_state);
  }
  for (int verdict : {-1, 0, 1}) CHECK(std::abs(verdicts[verdict] - count) <= task_kind_count);
  CHECK(turns.size() == 3 * count);
}
