#include "demo/gates.hpp"

#include <algorithm>
#include <iomanip>
#include <sstream>

#include "demo/student.hpp"
#include "prm/hint_parser.hpp"
#include "prm/vote_parser.hpp"
#include "prompt/chat_template.hpp"

namespace clawrl::demo {
namespace {

std::vector<Message> question(const Problem& problem) {
  Message message;
  message.role = "user";
  message.text = problem.text;
  return {message};
}

std::vector<Problem> problems(int count, Split split, std::uint64_t seed) {
  Random random(seed);
  std::vector<Problem> list;
  for (int i = 0; i < count; ++i) list.push_back(make_problem(random, split));
  return list;
}

double share(int part, int whole) {
  return whole > 0 ? static_cast<double>(part) / whole : 0;
}

void check_without_hint(PolicyGates& gates, const std::vector<Problem>& list, const std::vector<std::string>& replies) {
  int satisfied = 0, formed = 0, correct = 0;
  std::array<int, wish_count> base{};
  for (std::size_t i = 0; i < list.size(); ++i) {
    const ReplyGrade grade = grade_for_student(replies[i], list[i]);
    satisfied += grade.satisfied;
    formed += grade.substance.formed;
    correct += grade.substance.correct;
    for (int w = 0; w < wish_count; ++w)
      base[static_cast<std::size_t>(w)] += obeys(grade.observed, static_cast<Wish>(w));
  }
  gates.problems = static_cast<int>(list.size());
  gates.satisfied = share(satisfied, gates.problems);
  gates.formed = share(formed, gates.problems);
  gates.correct = share(correct, gates.problems);
  for (std::size_t w = 0; w < wish_count; ++w) gates.base[w] = share(base[w], gates.problems);
}

}  // namespace

double PolicyGates::worst_obeyed() const {
  return *std::min_element(obeyed.begin(), obeyed.end());
}

PolicyGates check_policy(const GenerateFn& generate, int count, Split split, std::uint64_t seed) {
  PolicyGates gates;
  const std::vector<Problem> list = problems(count, split, seed);
  std::vector<std::vector<Message>> plain, hinted;
  for (const Problem& problem : list) plain.push_back(question(problem));
  check_without_hint(gates, list, generate(plain, 1.0F, seed));
  for (int w = 0; w < wish_count; ++w) {
    hinted.clear();
    for (const auto& conversation : plain)
      hinted.push_back(with_hint(conversation, std::string(hint_text(static_cast<Wish>(w)))));
    int obeyed = 0;
    for (const std::string& reply : generate(hinted, 1.0F, seed + 1 + static_cast<std::uint64_t>(w)))
      obeyed += obeys(observe(reply), static_cast<Wish>(w));
    gates.obeyed[static_cast<std::size_t>(w)] = share(obeyed, count);
  }
  return gates;
}

double JudgeGates::verdict_accuracy() const {
  int right = 0;
  for (std::size_t truth = 0; truth < 3; ++truth) right += verdicts[truth][truth];
  return share(right, cases);
}

JudgeGates check_judge(const GenerateFn& generate, int count, float temperature, Split split, std::uint64_t seed) {
  Corpus corpus(split, seed);
  std::vector<JudgeCase> cases;
  std::vector<std::vector<Message>> votes, hints;
  for (int i = 0; i < count; ++i) {
    cases.push_back(corpus.judge_case());
    votes.push_back(vote_prompt(cases.back().turn));
    hints.push_back(hint_prompt(cases.back().turn));
  }
  const std::vector<std::string> said = generate(votes, temperature, seed),
                                 hinted = generate(hints, temperature, seed + 1);
  JudgeGates gates;
  gates.cases = count;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const auto vote = parse_vote(said[i]);
    ++gates.verdicts[static_cast<std::size_t>(cases[i].verdict + 1)][vote ? static_cast<std::size_t>(*vote + 1) : 3];
    const auto hint = parse_hint(hinted[i]);
    if (cases[i].wishes.empty()) {
      ++gates.silent_cases;
      gates.silent_right += !hint.has_value();
      continue;
    }
    std::vector<Wish> wanted = cases[i].wishes;
    std::sort(wanted.begin(), wanted.end());
    ++gates.hint_cases;
    gates.hints_right += hint.has_value() && read_hint(*hint) == wanted;
  }
  return gates;
}

std::string to_text(const PolicyGates& gates) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(3) << "first replies to " << gates.problems << " held-out problems: satisfied "
      << gates.satisfied << ", well-formed " << gates.formed << ", right answer " << gates.correct
      << "\nhint obeyed (without the hint):\n";
  for (std::size_t w = 0; w < wish_count; ++w)
    out << "  " << std::left << std::setw(10) << name(static_cast<Wish>(w)) << gates.obeyed[w] << " (" << gates.base[w]
        << ")\n";
  return out.str();
}

std::string to_text(const JudgeGates& gates) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(3) << "verdicts right " << gates.verdict_accuracy() << " of " << gates.cases
      << "; said:      -1     0    +1  invalid\n";
  for (std::size_t truth = 0; truth < 3; ++truth) {
    out << "  truth " << std::setw(2) << static_cast<int>(truth) - 1 << "                   ";
    for (int count : gates.verdicts[truth]) out << std::setw(6) << count;
    out << "\n";
  }
  out << "hints right " << gates.hint_accuracy() << " of " << gates.hint_cases << "; no hint where none is due "
      << share(gates.silent_right, gates.silent_cases) << " of " << gates.silent_cases << "\n";
  return out.str();
}

}  // namespace clawrl::demo
