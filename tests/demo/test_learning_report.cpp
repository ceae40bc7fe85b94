// report.json, the plot and the lines for a terminal.

#include <unistd.h>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/error.hpp"
#include "demo/learning_report.hpp"
#include "support/catch.hpp"

using namespace clawrl::demo;
using Json = nlohmann::json;

namespace {

ReplyRecord first_reply(int session, bool satisfied, double at_s) {
  ReplyRecord r;
  r.persona = "student";
  r.session = session;
  r.at_s = at_s;
  r.served = r.graded = true;
  r.status = 200;
  r.first_token_s = 0.010;
  r.gaps_s = {0.002, 0.004};
  r.task = "Mia Stone has 5 red apples.";
  r.text = "Mia now has <8> red apples & more.";
  r.grade.satisfied = r.grade.obeys = satisfied;
  r.grade.substance = {true, satisfied, true};
  r.grade.observed.words = 20;
  return r;
}

LearningRecord record() {
  LearningRecord record;
  for (int i = 0; i < 10; ++i) record.before.push_back(first_reply(i, i == 0, 0));
  for (int i = 0; i < 10; ++i) record.after.push_back(first_reply(i, i != 0, 0));
  for (int i = 0; i < 40; ++i) record.sessions.push_back(first_reply(i, i % 4 != 0 || i > 20, i));
  record.server_status =
      R"({"inter_token_ms_p99_during_commit": 7.5, "versions_published": 12, "commit_to_first_token_s": 0.05,
          "feedback_to_behaviour_s": 3.5, "logprob_gap_mean": 1e-7, "logprob_gap_max": 2e-6,
          "rollout_tokens_per_s": 900, "train_tokens_per_s": 1800})";
  return record;
}

/// Tags of an XML text are balanced, attributes are quoted, text holds no bare < or &.
bool well_formed(const std::string& xml) {
  std::vector<std::string> open;
  for (std::size_t at = 0; at < xml.size();) {
    if (xml[at] != '<') {
      if (xml[at] == '&' && xml.find(';', at) > at + 6) return false;
      ++at;
      continue;
    }
    const std::size_t end = xml.find('>', at);
    if (end == std::string::npos) return false;
    const std::string tag = xml.substr(at + 1, end - at - 1);
    if (tag.empty() || tag.find('<') != std::string::npos) return false;
    if (std::count(tag.begin(), tag.end(), '"') != 2 * std::count(tag.begin(), tag.end(), '=')) return false;
    if (tag[0] == '/') {
      if (open.empty() || open.back() != tag.substr(1)) return false;
      open.pop_back();
    } else if (tag.back() != '/') {
      open.push_back(tag.substr(0, tag.find_first_of(" \n")));
    }
    at = end + 1;
  }
  return open.empty();
}

}  // namespace

TEST_CASE("report.json has what the quickstart promises, with the measured values") {
  const Json report = Json::parse(to_json(record()));
  for (const char* path :
       {"/first_reply_satisfaction/before", "/first_reply_satisfaction/after", "/sessions_until_three",
        "/requests/served", "/requests/refused", "/requests/cut", "/ttft_ms/p50", "/ttft_ms/p99", "/inter_token_ms/p50",
        "/inter_token_ms/p99", "/inter_token_ms/p99_during_commit", "/versions_published", "/commit_to_first_token_s",
        "/feedback_to_behaviour_s", "/logprob_gap/mean", "/logprob_gap/max", "/rollout_tokens_per_s",
        "/train_tokens_per_s"}) {
    INFO(path);
    const Json::json_pointer pointer(path);
    REQUIRE(report.contains(pointer));
    CHECK(report.at(pointer).is_number());
  }
  CHECK(report["first_reply_satisfaction"]["before"] == Approx(0.1));
  CHECK(report["first_reply_satisfaction"]["after"] == Approx(0.9));
  CHECK(report["requests"] == Json({{"served", 60}, {"refused", 0}, {"cut", 0}}));
  CHECK(report["ttft_ms"]["p50"] == Approx(10.0));
  CHECK(report["inter_token_ms"]["p99"] == Approx(4.0));
  CHECK(report["inter_token_ms"]["p99_during_commit"] == Approx(7.5));
  CHECK(report["versions_published"] == 12);
  CHECK(report["settled"] == true);
  LearningRecord hurried = record();
  hurried.settled = false;
  CHECK(Json::parse(to_json(hurried))["settled"] == false);
  CHECK(report["samples"]["before"].size() == 3);
  CHECK(report["samples"]["after"].size() == 3);
}

TEST_CASE("each persona has figures and a line of its own") {
  LearningRecord joint = record();
  for (auto* part : {&joint.before, &joint.sessions, &joint.after})
    for (std::size_t i = 0; i < part->size(); i += 2) (*part)[i].persona = "teacher";
  const Json report = Json::parse(to_json(joint)), &teacher = report["personas"]["teacher"],
             &student = report["personas"]["student"];
  CHECK(report["personas"].size() == 2);
  CHECK(teacher["first_reply_satisfaction"] == Json({{"before", 0.2}, {"after", 0.8}, {"problems", 5}}));
  CHECK(student["first_reply_satisfaction"] == Json({{"before", 0.0}, {"after", 1.0}, {"problems", 5}}));
  CHECK(student["sessions_until_three"] == 3);   // its sessions 1, 3, 5
  CHECK(teacher["sessions_until_three"] == 14);  // 22, 24, 26: until 20 every second one is wrong
  CHECK(report["sessions_until_three"].is_null());
  CHECK(student["first_replies_satisfied"].size() + teacher["first_replies_satisfied"].size() ==
        report["first_replies_satisfied"].size());
  const std::string svg = to_svg(joint), line = "<polyline", text = to_text(joint);
  CHECK(well_formed(svg));
  CHECK(svg.find(line, svg.find(line) + 1) != std::string::npos);
  CHECK(text.find("What the student saw") != std::string::npos);
  CHECK(text.find("What the teacher saw") != std::string::npos);
}

TEST_CASE("refused and cut requests are counted apart") {
  LearningRecord r = record();
  r.sessions[3].served = r.sessions[3].graded = false;
  r.sessions[4].served = r.sessions[4].graded = false;
  r.sessions[4].cut = true;
  const Json requests = Json::parse(to_json(r))["requests"];
  CHECK(requests == Json({{"served", 58}, {"refused", 1}, {"cut", 1}}));
}

TEST_CASE("without a server status or any session the report still stands") {
  const Json report = Json::parse(to_json({}));
  CHECK(report["first_reply_satisfaction"]["problems"] == 0);
  CHECK(report["versions_published"].is_null());
  CHECK(report["sessions_until_three"].is_null());
  CHECK(well_formed(to_svg({})));
  CHECK_FALSE(to_text({}).empty());
}

TEST_CASE("the report says what was learned from, and where there is no change, why") {
  const auto text = [](const std::string& status) {
    LearningRecord r = record();
    r.server_status = status;
    return to_text(r);
  };
  const auto says = [&](const std::string& status, const std::string& part) {
    INFO(text(status));
    CHECK(text(status).find(part) != std::string::npos);
  };
  const std::string learned =
      R"({"learning": true, "steps": 5, "verdicts_good": 6, "verdicts_bad": 4, "verdicts_neutral": 1, "hints": 3, "turns_excluded": 2})";
  says(learned,
       "11 judged replies (6 good, 4 bad, 1 neither; 0 judgements failed), 3 hints; 2 left out, 0 wait; 5 opt");
  CHECK(text(learned).find("no change is to be expected") == std::string::npos);
  says(R"({"learning": true, "steps": 5, "verdicts_good": 6, "held_version": 3})", "serving is held at version 3");
  says(R"({"learning": true, "steps": 0})", "no reply was judged");
  says(R"({"learning": true, "steps": 0, "verdicts_failed": 3})", "every judgement failed");
  says(R"({"learning": true, "steps": 0, "verdicts_bad": 3, "turns_excluded": 3})", "clawrl_turns_excluded_total");
  says(R"({"learning": true, "steps": 0, "verdicts_bad": 3, "turns_excluded": 1, "untrusted_waiting": 2})",
       "waits for a batch");
  says("", "no learning server answered");
  says(R"({"learning": false, "steps": 0})", "no learning server answered");  // jobs/serve
}

TEST_CASE("learning is busy while the server says so, and never at another server") {
  CHECK(learning_busy(R"({"learning_busy": true})"));
  CHECK_FALSE(learning_busy(R"({"learning_busy": false})"));
  CHECK_FALSE(learning_busy("404 not found"));
  CHECK(audit_pending(R"({"learning_busy": false, "audit_pending": true})"));
  CHECK_FALSE(audit_pending(R"({"learning_busy": true})"));
}

TEST_CASE("sessions until three satisfied in a row go by time and count first replies") {
  const auto sessions = [](const std::string& marks) {
    std::vector<ReplyRecord> records;
    for (std::size_t i = 0; i < marks.size(); ++i)
      records.push_back(first_reply(static_cast<int>(i), marks[i] == 'y', static_cast<double>(i)));
    return records;
  };
  CHECK(sessions_until_three(sessions("yyy")) == 3);
  CHECK(sessions_until_three(sessions("nyynyyyn")) == 7);
  CHECK(sessions_until_three(sessions("yynyyn")) == 0);
  CHECK(sessions_until_three({}) == 0);

  auto shuffled = sessions("nyyy");
  std::swap(shuffled[0], shuffled[3]);  // records arrive in another order than the replies were given
  CHECK(sessions_until_three(shuffled) == 4);

  auto second_replies = sessions("yyyy");
  second_replies[1].turn = 1;        // a second reply is not a first one
  second_replies[2].graded = false;  // praise's answer is not judged
  CHECK(sessions_until_three(second_replies) == 0);
}

TEST_CASE("the plot is well-formed and holds one point per session") {
  const std::string svg = to_svg(record());
  CHECK(well_formed(svg));
  const std::string open = "points=\"";
  const std::size_t begin = svg.find(open) + open.size();
  const std::string points = svg.substr(begin, svg.find('"', begin) - begin);
  CHECK(std::count(points.begin(), points.end(), ',') == 40);
  CHECK(svg.find("held-out before") != std::string::npos);
  CHECK_FALSE(well_formed("<svg><g></svg>"));
}

TEST_CASE("the three files are written, and a folder that cannot be written is named") {
  namespace fs = std::filesystem;
  const fs::path folder = fs::temp_directory_path() / ("clawrl_report_" + std::to_string(::getpid()));
  fs::create_directories(folder);
  write_report(record(), folder.string());
  for (const char* file : {"report.json", "report.txt", "satisfaction.svg"}) CHECK(fs::file_size(folder / file) > 100);
  fs::remove_all(folder);
  CHECK_THROWS_WITH(write_report(record(), folder.string()), Catch::Matchers::Contains("report.json"));
}
