#include "demo/learning_report.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/error.hpp"
#include "metrics/percentiles.hpp"

namespace clawrl::demo {
namespace {

using Json = nlohmann::ordered_json;
constexpr int shown_samples = 3;
constexpr std::array<std::pair<const char*, const char*>, 4> changes = {
    {{"first-reply satisfaction", "first_reply_satisfaction"},
     {"well-formed", "well_formed"},
     {"right answer", "answer_accuracy"},
     {"words", "mean_words"}}};
constexpr double milli = 1000;

struct Service {
  int served = 0, refused = 0, cut = 0;
  Percentiles first_token, gap;
};

void collect(const LearningRecord& record, Service& s) {
  for (const auto* part : {&record.before, &record.sessions, &record.after})
    for (const ReplyRecord& r : *part) {
      s.served += r.served;
      s.cut += r.cut;
      s.refused += !r.served && !r.cut;
      if (r.served) s.first_token.add(r.first_token_s * milli);
      for (double gap : r.gaps_s) s.gap.add(gap * milli);
    }
}

Json samples(const std::vector<ReplyRecord>& records) {
  Json list = Json::array();
  for (int i = 0; i < shown_samples && i < static_cast<int>(records.size()); ++i)
    list.push_back({{"task", records[static_cast<std::size_t>(i)].task},
                    {"reply", records[static_cast<std::size_t>(i)].text},
                    {"satisfied", records[static_cast<std::size_t>(i)].grade.satisfied}});
  return list;
}

Json value(const Json& server, const char* key) {
  return server.contains(key) ? server.at(key) : Json(nullptr);
}

/// 1 for each held-out task whose first reply satisfied, in the order of the tasks.
Json satisfied_list(const std::vector<ReplyRecord>& records) {
  Json list = Json::array();
  for (const ReplyRecord& one : records) list.push_back(one.graded && one.grade.satisfied ? 1 : 0);
  return list;
}

Json learning(const LearningRecord& record) {
  const Satisfaction before = satisfaction_of(record.before), after = satisfaction_of(record.after);
  Json out;
  out["first_reply_satisfaction"] = {
      {"before", before.satisfied}, {"after", after.satisfied}, {"problems", after.count}};
  out["held_out_satisfied"] = {{"before", satisfied_list(record.before)}, {"after", satisfied_list(record.after)}};
  out["well_formed"] = {{"before", before.formed}, {"after", after.formed}};
  out["answer_accuracy"] = {{"before", before.correct}, {"after", after.correct}};
  out["mean_words"] = {{"before", before.mean_words}, {"after", after.mean_words}};
  out["first_replies_satisfied"] = Json::array();  // one per session, in order
  for (const ReplyRecord* first : first_replies(record.sessions))
    out["first_replies_satisfied"].push_back(first->grade.satisfied ? 1 : 0);
  const int three = sessions_until_three(record.sessions);
  out["sessions_until_three"] = three > 0 ? Json(three) : Json(nullptr);
  return out;
}

/// All users together, and each persona apart. Together they have no common row of satisfied replies.
Json report(const LearningRecord& record) {
  const Json server = record.server_status.empty() ? Json::object() : Json::parse(record.server_status);
  Service s;
  collect(record, s);
  Json out = learning(record);
  const std::vector<std::string> names = personas_of(record);
  if (names.size() > 1) out["sessions_until_three"] = nullptr;
  out["personas"] = Json::object();
  for (const std::string& name : names) out["personas"][name] = learning(part_of(record, name));
  out["requests"] = {{"served", s.served}, {"refused", s.refused}, {"cut", s.cut}};
  out["ttft_ms"] = {{"p50", s.first_token.percentile(0.5)}, {"p99", s.first_token.percentile(0.99)}};
  out["inter_token_ms"] = {{"p50", s.gap.percentile(0.5)},
                           {"p99", s.gap.percentile(0.99)},
                           {"p99_during_commit", value(server, "inter_token_ms_p99_during_commit")}};
  for (const char* key : {"versions_published", "commit_to_first_token_s", "feedback_to_behaviour_s"})
    out[key] = value(server, key);
  out["logprob_gap"] = {{"mean", value(server, "logprob_gap_mean")}, {"max", value(server, "logprob_gap_max")}};
  for (const char* key : {"rollout_tokens_per_s", "train_tokens_per_s"}) out[key] = value(server, key);
  out["settled"] = record.settled;
  out["samples"] = {{"before", samples(record.before)}, {"after", samples(record.after)}};
  out["server"] = server;
  return out;
}

/// From what the server says of itself: what it learned from, or where the chain from words to weights ends.
std::string why(const Json& server) {
  if (!server.value("learning", false)) return "  no learning server answered: nothing was learned\n";
  const auto count = [&](const char* key) { return server.value(key, std::int64_t{0}); };
  const std::int64_t good = count("verdicts_good"), neutral = count("verdicts_neutral"), bad = count("verdicts_bad"),
                     failed = count("verdicts_failed"), hints = count("hints"), left_out = count("turns_excluded"),
                     waiting = count("samples_waiting") + count("untrusted_waiting"), steps = count("steps");
  std::ostringstream out;
  out << "  learned from  " << good + neutral + bad << " judged replies (" << good << " good, " << bad << " bad, "
      << neutral << " neither; " << failed << " judgements failed), " << hints << " hints; " << left_out
      << " left out, " << waiting << " wait; " << steps << " optimiser steps\n";
  std::string end;
  if (good + neutral + bad == 0)
    end = failed > 0 ? "every judgement failed: see the server's log" : "no reply was judged: nobody answered them";
  else if (steps == 0 && left_out > 0 && waiting == 0)
    end = "what was judged was left out: clawrl_turns_excluded_total in the server's /metrics says why";
  else if (steps == 0)
    end = "what was judged still waits for a batch, or for more words of the same users";
  else if (server.value("held_version", std::int64_t{-1}) >= 0)
    end = "serving is held at version " + std::to_string(count("held_version")) + ": later ones failed their audit";
  if (!end.empty()) out << "  no change is to be expected: " << end << "\n";
  return out.str();
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text << std::flush;
  require(file.good(), "cannot write " + path);
}

}  // namespace

Satisfaction satisfaction_of(const std::vector<ReplyRecord>& records) {
  Satisfaction s;
  for (const ReplyRecord& r : records) {
    if (!r.graded) continue;
    ++s.count;
    s.satisfied += r.grade.satisfied;
    s.formed += r.grade.substance.formed;
    s.correct += r.grade.substance.correct;
    s.mean_words += r.grade.observed.words;
  }
  const double n = std::max(1, s.count);
  s.satisfied /= n, s.formed /= n, s.correct /= n, s.mean_words /= n;
  return s;
}

namespace {

bool says(const std::string& server_status, const char* flag) {
  const Json status = Json::parse(server_status, nullptr, false);
  return status.is_object() && status.value(flag, false);
}

}  // namespace

bool learning_busy(const std::string& server_status) {
  return says(server_status, "learning_busy");
}

bool audit_pending(const std::string& server_status) {
  return says(server_status, "audit_pending");
}

std::vector<const ReplyRecord*> first_replies(const std::vector<ReplyRecord>& sessions) {
  std::vector<const ReplyRecord*> firsts;
  for (const ReplyRecord& r : sessions)
    if (r.turn == 0 && r.graded) firsts.push_back(&r);
  std::stable_sort(firsts.begin(), firsts.end(), [](const auto* a, const auto* b) { return a->at_s < b->at_s; });
  return firsts;
}

int sessions_until_three(const std::vector<ReplyRecord>& sessions) {
  int row = 0, number = 0;
  for (const ReplyRecord* r : first_replies(sessions)) {
    ++number;
    row = r->grade.satisfied ? row + 1 : 0;
    if (row == 3) return number;
  }
  return 0;
}

std::vector<std::string> personas_of(const LearningRecord& record) {
  std::vector<std::string> names;
  for (const auto* part : {&record.before, &record.sessions, &record.after})
    for (const ReplyRecord& r : *part)
      if (std::find(names.begin(), names.end(), r.persona) == names.end()) names.push_back(r.persona);
  return names;
}

LearningRecord part_of(const LearningRecord& record, const std::string& persona) {
  const auto own = [&](const std::vector<ReplyRecord>& all) {
    std::vector<ReplyRecord> kept;
    std::copy_if(all.begin(), all.end(), std::back_inserter(kept),
                 [&](const ReplyRecord& r) { return r.persona == persona; });
    return kept;
  };
  return {own(record.before), own(record.sessions), own(record.after), "", record.settled};
}

std::string to_json(const LearningRecord& record) {
  return report(record).dump(2) + "\n";
}

std::string to_text(const LearningRecord& record) {
  const Json r = report(record);
  const auto number = [](const Json& v, int digits) {
    std::ostringstream out;
    if (v.is_number())
      out << (digits < 0 ? std::scientific : std::fixed) << std::setprecision(std::abs(digits)) << v.get<double>();
    else
      out << "-";
    return out.str();
  };
  std::ostringstream out;
  const auto saw = [&](const Json& part) {
    for (const auto& [label, key] : changes)
      out << "  " << std::left << std::setw(28) << label << number(part[key]["before"], 2) << " -> "
          << number(part[key]["after"], 2) << "\n";
    out << "  sessions until three in a row " << number(part["sessions_until_three"], 0) << "\n";
  };
  for (const auto& [name, part] : r["personas"].items()) {
    out << "What the " << name << " saw (" << part["first_reply_satisfaction"]["problems"]
        << " held-out tasks before and after)\n";
    saw(part);
  }
  const Json& q = r["requests"];
  out << "Service, as the users saw it\n  requests served " << q["served"] << ", refused " << q["refused"] << ", cut "
      << q["cut"] << "\n  time to first token  p50 " << number(r["ttft_ms"]["p50"], 1) << " ms, p99 "
      << number(r["ttft_ms"]["p99"], 1) << " ms\n  between tokens       p50 " << number(r["inter_token_ms"]["p50"], 1)
      << " ms, p99 " << number(r["inter_token_ms"]["p99"], 1) << " ms, at the server during weight commits p99 "
      << number(r["inter_token_ms"]["p99_during_commit"], 1) << " ms\n";
  out << "Learning\n  versions published " << r["versions_published"] << ", step end to first token on it "
      << number(r["commit_to_first_token_s"], 3) << " s, feedback to behaviour "
      << number(r["feedback_to_behaviour_s"], 2) << " s\n  trainer-sampler log-prob gap  mean "
      << number(r["logprob_gap"]["mean"], -1) << ", max " << number(r["logprob_gap"]["max"], -1)
      << "\n  tokens/s  rollout " << number(r["rollout_tokens_per_s"], 0) << ", training "
      << number(r["train_tokens_per_s"], 0) << "\n";
  out << why(r["server"]);
  for (const char* when : {"before", "after"})
    for (const Json& sample : r["samples"][when])
      out << "--- " << when << " (" << (sample["satisfied"].get<bool>() ? "satisfied" : "not satisfied")
          << "): " << sample["task"].get<std::string>() << "\n"
          << sample["reply"].get<std::string>() << "\n";
  return out.str();
}

void write_report(const LearningRecord& record, const std::string& folder) {
  write_file(folder + "/report.json", to_json(record));
  write_file(folder + "/report.txt", to_text(record));
  write_file(folder + "/satisfaction.svg", to_svg(record));
}

}  // namespace clawrl::demo
