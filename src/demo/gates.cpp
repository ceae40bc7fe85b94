#include "demo/gates.hpp"

#include <algorithm>
#include <iomanip>
#include <sstream>

#include "demo/user_session.hpp"
#include "prm/fault_parser.hpp"
#include "prm/hint_parser.hpp"
#include "prm/vote_parser.hpp"
#include "prompt/chat_template.hpp"

namespace clawrl::demo {
namespace {

constexpr float serving_temperature = 0.7F;  // of the sessions' replies
constexpr std::array<const char*, task_kind_count> kind_names = {"solution", "grading", "comment"};

std::vector<Message> question(const Task& task) {
  Message message;
  message.role = "user";
  message.text = task.text;
  return {message};
}

double share(int part, int whole) {
  return whole > 0 ? static_cast<double>(part) / whole : 0;
}

/// Tasks of one kind, and what a model replied to them without a hint.
struct Answered {
  std::vector<Task> tasks;
  std::vector<std::string> replies;
};

WishShares obeyed_shares(const std::vector<std::string>& replies) {
  WishShares shares{};
  for (std::size_t w = 0; w < wish_count; ++w)
    shares[w] = share(
        static_cast<int>(std::count_if(replies.begin(), replies.end(),
                                       [&](const std::string& r) { return obeys(observe(r), static_cast<Wish>(w)); })),
        static_cast<int>(replies.size()));
  return shares;
}

StartGate start_of(const Persona& persona, const std::array<Answered, task_kind_count>& answered) {
  StartGate start{persona.name};
  int satisfied = 0, formed = 0, correct = 0, words = 0;
  for (TaskKind kind : persona.kinds) {
    const Answered& part = answered[static_cast<std::size_t>(kind)];
    for (std::size_t i = 0; i < part.tasks.size(); ++i, ++start.tasks) {
      const ReplyGrade g = grade(persona, part.replies[i], part.tasks[i]);
      satisfied += g.satisfied;
      formed += g.substance.formed;
      correct += g.substance.correct;
      words += g.observed.words;
    }
  }
  start.satisfied = share(satisfied, start.tasks);
  start.formed = share(formed, start.tasks);
  start.correct = share(correct, start.tasks);
  start.mean_words = share(words, start.tasks);
  return start;
}

void count_blame(const JudgeCase& judged, const std::string& said, JudgeGates& gates) {
  gates.asked_more_right += parse_vote(said) == static_cast<std::int8_t>(judged.verdict);
  if (judged.verdict < 0) {
    ++gates.grade_cases;
    gates.grades_right += parse_severity(said) == severity_of(judged.verdict, judged.wishes);
  }
  const std::string due = quoted_fault(judged), quoted = parse_fault(said).value_or("");
  ++(due.empty() ? gates.faultless_cases : gates.fault_cases);
  (due.empty() ? gates.faultless_right : gates.faults_right) += quoted == due;
}

}  // namespace

double PolicyGates::worst_start() const {
  double worst = 0;
  for (const StartGate& start : starts) worst = std::max(worst, start.satisfied);
  return worst;
}

double PolicyGates::worst_formed() const {
  double worst = 1;
  for (const StartGate& start : starts) worst = std::min(worst, start.formed);
  return worst;
}

double PolicyGates::worst_correct() const {
  double worst = 1;
  for (const StartGate& start : starts) worst = std::min(worst, start.correct);
  return worst;
}

double PolicyGates::worst_obeyed() const {
  double worst = 1;
  for (const WishShares& kind : obeyed) worst = std::min(worst, *std::min_element(kind.begin(), kind.end()));
  return worst;
}

PolicyGates check_policy(const GenerateFn& generate, int count, Split split, std::uint64_t seed) {
  PolicyGates gates;
  std::array<Answered, task_kind_count> answered;
  for (std::size_t kind = 0; kind < task_kind_count; ++kind) {
    Random random(seed + kind);
    std::vector<std::vector<Message>> plain;
    for (int i = 0; i < count; ++i) {
      answered[kind].tasks.push_back(make_task(random, split, static_cast<TaskKind>(kind)));
      plain.push_back(question(answered[kind].tasks.back()));
    }
    answered[kind].replies = generate(plain, 1.0F, seed + 100 * kind);
    gates.base[kind] = obeyed_shares(answered[kind].replies);
    for (std::size_t w = 0; w < wish_count; ++w) {
      std::vector<std::vector<Message>> hinted;
      for (const auto& conversation : plain)
        hinted.push_back(with_hint(conversation, std::string(hint_text(static_cast<Wish>(w)))));
      gates.obeyed[kind][w] = obeyed_shares(generate(hinted, 1.0F, seed + 100 * kind + 1 + w))[w];
    }
  }
  for (const Persona& persona : personas()) gates.starts.push_back(start_of(persona, answered));
  return gates;
}

double JudgeGates::verdict_accuracy() const {
  int right = 0;
  for (std::size_t truth = 0; truth < 3; ++truth) right += verdicts[truth][truth];
  return share(right, cases);
}

double JudgeGates::asked_more_accuracy() const {
  return share(asked_more_right, cases);
}

JudgeGates check_judge(const GenerateFn& judge, const std::string& source, const std::vector<JudgeCase>& cases,
                       float temperature, std::uint64_t seed, bool self) {
  std::vector<std::vector<Message>> votes, hints, blames;
  for (const JudgeCase& c : cases) {
    votes.push_back(vote_prompt(c.turn, {}, {.self = self}));
    hints.push_back(hint_prompt(c.turn, {}, {.self = self}));
    blames.push_back(vote_prompt(c.turn, {}, {.self = self, .severity = true, .fault = true}));
  }
  const std::vector<std::string> said = judge(votes, temperature, seed), hinted = judge(hints, temperature, seed + 1),
                                 blamed = judge(blames, temperature, seed + 2);
  JudgeGates gates;
  gates.source = source;
  gates.cases = static_cast<int>(cases.size());
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const auto vote = parse_vote(said[i]);
    ++gates.verdicts[static_cast<std::size_t>(cases[i].verdict + 1)][vote ? static_cast<std::size_t>(*vote + 1) : 3];
    count_blame(cases[i], blamed[i], gates);
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

double worst_blame(const std::vector<JudgeGates>& all) {
  const auto of = [&](int JudgeGates::*right, int JudgeGates::*cases) {
    int rights = 0, whole = 0;
    for (const JudgeGates& one : all) rights += one.*right, whole += one.*cases;
    return whole > 0 ? share(rights, whole) : 1;
  };
  return std::min({of(&JudgeGates::grades_right, &JudgeGates::grade_cases),
                   of(&JudgeGates::faults_right, &JudgeGates::fault_cases),
                   of(&JudgeGates::faultless_right, &JudgeGates::faultless_cases)});
}

std::vector<JudgeCase> corpus_cases(int count, Split split, std::uint64_t seed) {
  Corpus corpus(split, seed);
  std::vector<JudgeCase> cases;
  for (int i = 0; i < count; ++i) cases.push_back(corpus.judge_case());
  return cases;
}

std::vector<JudgeCase> session_cases(const GenerateFn& policy, const Persona& persona, int count, Split split,
                                     std::uint64_t seed) {
  Habits talkative;
  talkative.silent = 0;
  std::vector<UserSession> sessions;
  std::vector<std::vector<Message>> asked;
  for (int i = 0; i < count; ++i) {
    const UserSession& session =
        sessions.emplace_back(persona, seed * 1000 + static_cast<std::uint64_t>(i), split, talkative);
    asked.push_back(i % 2 == 0 ? session.messages() : with_hint(session.messages(), joined_hints(persona.wishes)));
  }
  const std::vector<std::string> replies = policy(asked, serving_temperature, seed);
  std::vector<JudgeCase> cases;
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    sessions[i].take_reply(replies[i]);
    const Feedback& words = sessions[i].feedback().front();
    cases.push_back({{sessions[i].task().text, replies[i], words.text, "user"}, words.verdict, words.wishes});
  }
  return cases;
}

std::string to_text(const PolicyGates& gates) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(3) << "first replies to held-out tasks, without a hint:\n";
  for (const StartGate& s : gates.starts)
    out << "  " << std::left << std::setw(11) << s.persona << s.tasks << " tasks: satisfied " << s.satisfied
        << ", well-formed " << s.formed << ", right answer " << s.correct << ", words " << s.mean_words << "\n";
  out << "hint obeyed (without the hint):\n" << std::setw(12) << "";
  for (const char* kind : kind_names) out << std::setw(16) << kind;
  for (std::size_t w = 0; w < wish_count; ++w) {
    out << "\n  " << std::setw(10) << name(static_cast<Wish>(w));
    for (std::size_t kind = 0; kind < task_kind_count; ++kind)
      out << gates.obeyed[kind][w] << " (" << gates.base[kind][w] << ")   ";
  }
  out << "\n";
  return out.str();
}

std::string to_text(const JudgeGates& gates) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(3) << gates.source << ": verdicts right " << gates.verdict_accuracy() << " of "
      << gates.cases << "; hints right " << gates.hint_accuracy() << " of " << gates.hint_cases
      << "; no hint where none is due " << share(gates.silent_right, gates.silent_cases) << " of " << gates.silent_cases
      << "\n  asked for grade and place of the error: verdicts right " << gates.asked_more_accuracy()
      << ", grades right " << share(gates.grades_right, gates.grade_cases) << " of " << gates.grade_cases
      << ", first fault quoted " << share(gates.faults_right, gates.fault_cases) << " of " << gates.fault_cases
      << ", nothing where there is none " << share(gates.faultless_right, gates.faultless_cases) << " of "
      << gates.faultless_cases << "\n  said          -1     0    +1  invalid\n";
  for (std::size_t truth = 0; truth < 3; ++truth) {
    const auto& row = gates.verdicts[truth];
    if (std::all_of(row.begin(), row.end(), [](int n) { return n == 0; })) continue;
    out << "  truth " << std::setw(2) << static_cast<int>(truth) - 1;
    for (int count : row) out << std::setw(6) << count;
    out << "\n";
  }
  return out.str();
}

}  // namespace clawrl::demo
