#include "demo/held_out_cases.hpp"

#include <algorithm>
#include <array>

#include "core/error.hpp"
#include "demo/corpus.hpp"
#include "demo/persona.hpp"
#include "demo/reply.hpp"
#include "demo/task.hpp"
#include "prompt/chat_template.hpp"

namespace clawrl::demo {
namespace {

constexpr int formed_least = 5, formed_most = 60;  // words, as check_substance() counts them
// nats: texts move a little with any learning, a reply in another style than the users' more
constexpr double text_rise = 0.5, vote_rise = 0.5, answer_rise = 1;
constexpr std::array hinted = {Wish::bold, Wish::no_bold, Wish::list,    Wish::no_list,
                               Wish::box,  Wish::no_box,  Wish::shorter, Wish::longer};

std::string any_blank(const std::string& text) {
  std::string regex;
  for (char c : text) regex += c == ' ' ? std::string("\\s") : std::string(1, c);
  return regex;
}

std::string any_of(std::span<const std::string_view> phrases) {
  std::string regex;
  for (std::string_view phrase : phrases) regex += (regex.empty() ? "\\Q" : "|\\Q") + std::string(phrase) + "\\E";
  return regex;
}

/// The rules of check_substance() as regexes.
void ask_substance(HeldOutCase& one, const Task& task, bool correct) {
  const Problem& p = task.problem;
  const std::string to = task.kind == TaskKind::comment ? task.pupil + ", " : "";
  const std::string number = correct ? std::to_string(p.answer) : "\\d{1,4}";
  one.must.push_back(any_blank(to + p.first_name + " (?:now |still )?has ") + "\\**" + number + "\\**" +
                     any_blank(" " + p.object));
  if (task.kind == TaskKind::solution) return;
  const std::string finding = any_blank(" answer " + std::to_string(task.claimed) + " is ");
  const std::string right = finding + "right", wrong = finding + "wrong";
  one.must_not.push_back("(?s)" + right + ".*" + wrong + "|" + wrong + ".*" + right);
  if (correct)
    one.must.push_back(task.claimed == p.answer ? right : wrong);
  else
    one.must.push_back(right + "|" + wrong);
}

void ask_form(HeldOutCase& one, const Task& task) {
  ask_substance(one, task, false);
  one.min_words = formed_least;
  one.max_words = formed_most;
}

/// The rules of obeys() as regexes and bounds.
void ask_wish(HeldOutCase& one, Wish wish) {
  const std::string bold = "\\*\\*", list = "(?m)^1\\. |\\n2\\. |\\n- ", box = "\\\\boxed";
  switch (wish) {
    case Wish::bold:
      return one.must.push_back(bold);
    case Wish::no_bold:
      return one.must_not.push_back(bold);
    case Wish::list:
      return one.must.push_back(list);
    case Wish::no_list:
      return one.must_not.push_back(list);
    case Wish::box:
      return one.must.push_back(box);
    case Wish::no_box:
      return one.must_not.push_back(box);
    case Wish::shorter:
      one.max_words = shorter_words;
      return;
    case Wish::longer:
      one.min_words = longer_words;
      return;
    case Wish::no_stock:
      return one.must_not.push_back(any_of(stock_phrases()));
    case Wish::warmer:
      return one.must.push_back(any_of(warm_phrases()));
    default:
      throw InternalError("no rule for the wish " + std::string(name(wish)));
  }
}

/// As many of each verdict, so that who always says the same agrees with a third.
HeldOutCase judged_case(Corpus& corpus, int kind, int number) {
  HeldOutCase one;
  one.set = "judge";
  one.id = "judge-" + std::to_string(kind) + "-" + std::to_string(number);
  one.verdict = static_cast<std::int8_t>(number % 3 - 1);
  JudgeCase drawn;
  do drawn = corpus.judge_case(static_cast<TaskKind>(kind));
  while (drawn.verdict != one.verdict);
  one.judged = drawn.turn;
  return one;
}

/// How likely the right vote is, instead of a vote.
HeldOutCase vote_loss(HeldOutCase one) {
  one.id.replace(0, one.set.size(), "judge_loss");
  one.set = "judge_loss";
  one.answer = "\\boxed{" + std::to_string(one.verdict) + "}";
  one.max_rise = vote_rise;
  return one;
}

/// Whose tasks these are, and nobody else's.
const Persona& taught_by(TaskKind kind) {
  for (const Persona& persona : personas())
    if (persona.kinds == std::vector{kind}) return persona;
  throw InternalError("nobody has tasks of this kind alone");
}

HeldOutCase case_of(const std::string& set, int kind, int number, const Task& task) {
  HeldOutCase one;
  one.set = set;
  one.id = one.set + "-" + std::to_string(kind) + "-" + std::to_string(number);
  one.messages = {{"user", task.text, "", {}, ""}};
  return one;
}

}  // namespace

std::vector<HeldOutCase> held_out_cases(int count, std::uint64_t seed) {
  std::vector<HeldOutCase> cases;
  for (int kind = 0; kind < task_kind_count; ++kind) {
    Random random(seed + static_cast<std::uint64_t>(kind));
    Corpus corpus(Split::held_out, seed + static_cast<std::uint64_t>(kind));
    const Persona& taught = taught_by(static_cast<TaskKind>(kind));
    Random answers(seed + static_cast<std::uint64_t>(kind));
    for (int i = 0; i < count; ++i) {
      const Task task = make_task(random, Split::held_out, static_cast<TaskKind>(kind));
      HeldOutCase accuracy = case_of("accuracy", kind, i, task), form = case_of("form", kind, i, task);
      ask_substance(accuracy, task, true);
      ask_form(form, task);
      const Wish wish = hinted[static_cast<std::size_t>(i) % hinted.size()];
      const std::string side = i % 2 == 0 ? "_against" : "";
      HeldOutCase hint = case_of("hints" + side, kind, i, task);
      hint.watched = !side.empty();
      hint.messages = with_hint(std::move(hint.messages), std::string(hint_text(wish)));
      HeldOutCase obeyed = case_of("hint_loss" + side, kind, i, task);
      obeyed.watched = hint.watched;
      obeyed.messages = hint.messages;
      obeyed.answer = render_reply(answers, task, style_obeying(answers, {wish}));
      obeyed.max_rise = answer_rise;
      ask_form(hint, task);
      ask_wish(hint, wish);
      HeldOutCase language;
      language.set = "language";
      language.id = "language-" + std::to_string(kind) + "-" + std::to_string(i);
      language.text = task.text;
      language.max_rise = text_rise;
      HeldOutCase style = case_of("style_" + taught.name, kind, i, task);
      style.watched = true;
      ask_form(style, task);
      for (const Wish wanted : taught.wishes) ask_wish(style, wanted);
      HeldOutCase judged = judged_case(corpus, kind, i), vote = vote_loss(judged);
      for (HeldOutCase* one : {&accuracy, &form, &hint, &language, &judged, &obeyed, &vote, &style})
        cases.push_back(std::move(*one));
    }
  }
  return cases;
}

}  // namespace clawrl::demo
