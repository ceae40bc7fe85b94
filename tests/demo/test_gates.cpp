// The gates' arithmetic, with models that are known to be right, or to be wrong in a known way.

#include <map>

#include "demo/gates.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::demo;

namespace {

constexpr int count = 60;
constexpr std::uint64_t seed = 5;

/// Writes what the generator writes: stiff, or obeying the hint in the prompt. Tasks are recognised by their text.
class Writer {
 public:
  void know(const Task& task) { tasks_[task.text] = task; }
  std::vector<std::string> operator()(const std::vector<std::vector<Message>>& conversations) {
    std::vector<std::string> replies;
    for (const auto& conversation : conversations) {
      const std::string& text = conversation.back().text;
      const auto task = tasks_.find(text.substr(0, text.find("\n\n")));
      REQUIRE(task != tasks_.end());
      std::vector<Wish> wishes;
      for (int w = 0; w < wish_count; ++w)
        if (text.find(hint_text(static_cast<Wish>(w))) != std::string::npos) wishes.push_back(static_cast<Wish>(w));
      replies.push_back(render_reply(random_, task->second, style_obeying(random_, wishes)));
    }
    return replies;
  }

 private:
  std::map<std::string, Task> tasks_;
  Random random_{1};
};

GenerateFn always(const std::string& text) {
  return [text](const auto& conversations, float, std::uint64_t) {
    return std::vector<std::string>(conversations.size(), text);
  };
}

/// Says the truth about `cases`, or its contrary in every `wrong_every`-th one.
GenerateFn truthful(const std::vector<JudgeCase>& cases, std::size_t wrong_every = 0) {
  return [&cases, wrong_every](const auto& conversations, float, std::uint64_t) {
    const JudgePromptStyle more{.severity = true, .fault = true};
    const bool vote = conversations.front() == vote_prompt(cases.front().turn);
    const bool blame = conversations.front() == vote_prompt(cases.front().turn, {}, more);
    std::vector<std::string> said;
    for (std::size_t i = 0; i < cases.size(); ++i) {
      const bool wrong = wrong_every > 0 && i % wrong_every == 0;
      JudgeCase claimed = cases[i];
      if (wrong) claimed.verdict = -claimed.verdict;
      said.push_back(vote    ? vote_answer(claimed, {})
                     : blame ? vote_answer(claimed, more)
                     : wrong ? "hm"
                             : hint_answer(claimed.wishes));
    }
    return said;
  };
}

}  // namespace

TEST_CASE("a policy that obeys every hint passes, and one that always says the same does not") {
  Writer writer;
  for (std::size_t kind = 0; kind < task_kind_count; ++kind) {
    Random random(seed + kind);
    for (int i = 0; i < count; ++i) writer.know(make_task(random, Split::held_out, static_cast<TaskKind>(kind)));
  }
  const GenerateFn good = [&](const auto& conversations, float, std::uint64_t) { return writer(conversations); };
  const PolicyGates gates = check_policy(good, count, Split::held_out, seed);
  REQUIRE(gates.starts.size() == personas().size());
  CHECK(gates.worst_start() < 0.35);  // of 60
  CHECK(gates.worst_formed() == 1.0);
  CHECK(gates.worst_correct() == 1.0);
  CHECK(gates.worst_obeyed() > 0.9);  // now and then "shorter" has one word too many
  for (const StartGate& start : gates.starts) {
    CHECK(start.tasks == (start.persona == "contrarian" ? 3 * count : count));
    CHECK(start.formed == 1.0);
    CHECK(start.correct == 1.0);
    CHECK(start.mean_words > 15);
  }
  CHECK(gates.base[1][static_cast<std::size_t>(Wish::no_bold)] < 0.8);

  const PolicyGates mute = check_policy(always("It is **7**."), count, Split::held_out, seed);
  CHECK(mute.worst_start() == 0);
  CHECK(mute.worst_obeyed() == 0);
  CHECK(mute.obeyed[2][static_cast<std::size_t>(Wish::bold)] == 1.0);
  CHECK(mute.obeyed[2][static_cast<std::size_t>(Wish::no_bold)] == 0.0);
  CHECK(mute.worst_formed() == 0);  // or it would pass by saying nothing
  CHECK(mute.worst_correct() == 0);
}

TEST_CASE("verdicts and hints are counted against the truth") {
  const std::vector<JudgeCase> cases = corpus_cases(count, Split::held_out, seed);
  const JudgeGates right = check_judge(truthful(cases), "corpus", cases, 0.6F, seed);
  CHECK(right.verdict_accuracy() == 1.0);
  CHECK(right.hint_accuracy() == 1.0);
  CHECK(right.silent_right == right.silent_cases);
  CHECK(right.hint_cases + right.silent_cases == count);
  CHECK(right.hint_cases > count / 4);
  CHECK(right.asked_more_accuracy() == 1.0);
  CHECK(worst_blame({right}) == 1.0);
  CHECK(right.fault_cases + right.faultless_cases == count);
  CHECK(right.fault_cases > count / 10);
  CHECK(right.grade_cases > right.fault_cases);

  const JudgeGates half = check_judge(truthful(cases, 2), "corpus", cases, 0.6F, seed);
  int opinions = 0;  // verdict 0 has no contrary
  for (std::size_t i = 0; i < cases.size(); i += 2) opinions += cases[i].verdict != 0;
  CHECK(half.verdict_accuracy() == Approx(1.0 - double(opinions) / count));
  CHECK(half.verdicts[0][2] + half.verdicts[2][0] == opinions);
  CHECK(half.hint_accuracy() < 0.75);
  CHECK(half.asked_more_accuracy() == half.verdict_accuracy());
  CHECK(half.grades_right < half.grade_cases);
  CHECK(half.faults_right < half.fault_cases);

  const JudgeGates mute = check_judge(always("hm"), "corpus", cases, 0.6F, seed);
  CHECK(mute.verdict_accuracy() == 0);
  CHECK(worst_blame({mute}) == 0);
  CHECK(worst_blame({right, mute}) == Approx(0.5));
  CHECK(worst_blame({}) == 1.0);
  CHECK(mute.faultless_right == mute.faultless_cases);
  CHECK(mute.verdicts[0][3] + mute.verdicts[1][3] + mute.verdicts[2][3] == count);
}

TEST_CASE("a policy that judges itself is asked as the author, in all that it is asked") {
  const std::vector<JudgeCase> cases = corpus_cases(count, Split::held_out, seed);
  int asked = 0, as_author = 0;
  const GenerateFn listening = [&](const auto& conversations, float, std::uint64_t) {
    for (const auto& conversation : conversations) {
      ++asked;
      as_author += conversation.front().text.find("that you gave") != std::string::npos;
    }
    return std::vector<std::string>(conversations.size(), "hm");
  };
  check_judge(listening, "corpus", cases, 0.6F, seed);
  CHECK(asked == 3 * count);
  CHECK(as_author == 0);
  check_judge(listening, "corpus", cases, 0.6F, seed, true);
  CHECK(as_author == 3 * count);
}

TEST_CASE("sessions give the judge satisfied and dissatisfied users, with the truth about their words") {
  for (const Persona& persona : personas()) {
    Writer writer;
    for (int i = 0; i < count; ++i) {
      Random random(seed * 1000 + static_cast<std::uint64_t>(i));
      writer.know(make_task(random, Split::held_out, persona));
    }
    const GenerateFn policy = [&](const auto& conversations, float, std::uint64_t) { return writer(conversations); };
    const std::vector<JudgeCase> cases = session_cases(policy, persona, count, Split::held_out, seed);
    REQUIRE(cases.size() == count);
    int praised = 0;
    for (const JudgeCase& c : cases) {
      praised += c.verdict == 1;
      CHECK(c.wishes.empty() == (c.verdict == 1));
      CHECK(unfulfilled(observe(c.turn.reply), c.wishes) == c.wishes);
      CHECK(c.turn.next_role == "user");
      CHECK_FALSE(c.turn.next_state.empty());
    }
    INFO(persona.name);
    CHECK(praised > count * 4 / 10);
    CHECK(praised < count * 8 / 10);
  }
}
