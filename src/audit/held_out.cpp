#include "audit/held_out.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "audit/reply_rules.hpp"
#include "core/checksum.hpp"
#include "core/error.hpp"

namespace clawrl {
namespace {

using Json = nlohmann::json;

constexpr std::size_t longest_name = 32;  // of a set: a label of metrics
constexpr const char* fields =
    "id, set, messages, must, must_not, min_words, max_words, or id, set, text, max_rise, or id, set, task, reply, "
    "next, next_role, verdict; answer, max_rise instead of rules or verdict; and watched";

/// One line of the file, and where it stands.
class CaseReader {
 public:
  CaseReader(const std::string& line, std::string where) : where_(std::move(where)) {
    line_ = Json::parse(line, nullptr, false);
    require(line_.is_object(), where_ + ": this is no JSON object");
    static const std::set<std::string> of_replies = {"id",       "set",       "messages", "must",
                                                     "must_not", "min_words", "max_words"},
                                       of_answers = {"id", "set", "messages", "answer", "max_rise"},
                                       of_texts = {"id", "set", "text", "max_rise"},
                                       of_verdicts = {"id", "set", "task", "reply", "next", "next_role", "verdict"},
                                       of_judgements = {"id",   "set",       "task",   "reply",
                                                        "next", "next_role", "answer", "max_rise"};
    const bool answer = line_.contains("answer");
    const auto& known = line_.contains("text")   ? of_texts
                        : line_.contains("task") ? (answer ? of_judgements : of_verdicts)
                        : answer                 ? of_answers
                                                 : of_replies;
    for (const auto& [name, value] : line_.items())
      require(known.contains(name) || name == "watched",
              where_ + ": field '" + name + "' is not allowed here: allowed are " + fields);
  }

  HeldOutCase read() const {
    HeldOutCase one;
    one.id = text(line_, "id");
    one.set = set_name();
    one.watched = watched();
    if (line_.contains("text")) {
      one.text = text(line_, "text");
    } else if (line_.contains("task")) {
      one.judged = JudgedTurn{text(line_, "task"), text(line_, "reply"), text(line_, "next"), next_role()};
    } else {
      one.messages = messages();
    }
    if (line_.contains("answer")) one.answer = text(line_, "answer");
    if (one.has_loss())
      one.max_rise = rise(one.max_rise);
    else if (one.judged)
      one.verdict = verdict();
    else
      read_reply_rules(one);
    return one;
  }

 private:
  void read_reply_rules(HeldOutCase& one) const {
    one.must = texts("must");
    one.must_not = texts("must_not");
    one.min_words = count("min_words");
    one.max_words = count("max_words");
    require(one.max_words == 0 || one.min_words <= one.max_words, where_ + ": min_words is above max_words");
    require(!one.must.empty() || !one.must_not.empty() || one.min_words > 0 || one.max_words > 0,
            where_ + ": every reply would pass: give must, must_not, min_words or max_words");
    const ReplyRules compiles(one, where_);
  }
  std::string text(const Json& from, const char* field) const {
    const auto found = from.find(field);
    require(found != from.end() && found->is_string() && !found->get_ref<const std::string&>().empty(),
            where_ + ": " + field + " must be a text that is not empty");
    return *found;
  }
  std::string set_name() const {
    const std::string name = text(line_, "set");
    const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
    require(name.size() <= longest_name && std::all_of(name.begin(), name.end(), allowed),
            where_ + ": set '" + name.substr(0, longest_name) + "' is not allowed: 1 to 32 of a-z, 0-9 and _ are");
    return name;
  }
  bool watched() const {
    const auto found = line_.find("watched");
    require(found == line_.end() || found->is_boolean(), where_ + ": watched must be true or false");
    return found != line_.end() && found->get<bool>();
  }
  std::vector<Message> messages() const {
    const auto found = line_.find("messages");
    require(found != line_.end() && found->is_array() && !found->empty(),
            where_ + ": messages must be an array of {\"role\", \"content\"} that is not empty");
    std::vector<Message> messages;
    for (const Json& one : *found) {
      require(one.is_object(), where_ + ": messages must be objects with role and content");
      const std::string role = text(one, "role");
      require(role == "system" || role == "user" || role == "assistant",
              where_ + ": role '" + role + "' is not allowed: system, user or assistant");
      messages.push_back({role, text(one, "content"), "", {}, ""});
    }
    require(messages.back().role == "user", where_ + ": the last of messages must be the user's");
    return messages;
  }
  std::vector<std::string> texts(const char* field) const {
    std::vector<std::string> found;
    const auto list = line_.find(field);
    if (list == line_.end()) return found;
    require(list->is_array(), where_ + ": " + field + " must be an array of regexes");
    for (const Json& one : *list) {
      require(one.is_string(), where_ + ": " + field + " must be an array of regexes");
      found.push_back(one);
    }
    return found;
  }
  std::int32_t count(const char* field) const {
    const auto found = line_.find(field);
    if (found == line_.end()) return 0;
    require(found->is_number_unsigned() && *found <= 1'000'000,
            where_ + ": " + field + " must be a whole number from 0 to 1000000");
    return *found;
  }

  std::string next_role() const {
    const std::string role = line_.contains("next_role") ? text(line_, "next_role") : "user";
    require(role == "user" || role == "tool", where_ + ": next_role '" + role + "' is not allowed: user or tool");
    return role;
  }
  std::int8_t verdict() const {
    const auto found = line_.find("verdict");
    require(found != line_.end() && found->is_number_integer() && std::abs(found->get<double>()) <= 1,
            where_ + ": verdict must be -1, 0 or 1");
    return *found;
  }
  double rise(double otherwise) const {
    const auto found = line_.find("max_rise");
    if (found == line_.end()) return otherwise;
    require(found->is_number() && *found >= 0, where_ + ": max_rise must be a number of nats per token from 0 on");
    return *found;
  }

  Json line_;
  std::string where_;
};

}  // namespace

std::vector<HeldOutCase> read_held_out(const std::string& path) {
  std::ifstream file(path);
  require(file.is_open(), path + ": cannot be read");
  std::vector<HeldOutCase> cases;
  std::map<std::string, int> seen;            // id -> line
  std::map<std::string, HeldOutCase> firsts;  // of sets
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const std::string where = path + ":" + std::to_string(number);
    cases.push_back(CaseReader(line, where).read());
    const auto [first, fresh] = seen.emplace(cases.back().id, number);
    const HeldOutCase& one = cases.back();
    const HeldOutCase& alike = firsts.emplace(one.set, one).first->second;
    require(alike.kind() == one.kind(),
            where + ": set '" + one.set +
                "' has cases of two kinds (with rules, with a loss, with a verdict): give them sets of their own");
    require(alike.watched == one.watched, where + ": set '" + one.set + "' is watched in some cases only");
    require(fresh, where + ": id '" + first->first + "' is that of line " + std::to_string(first->second));
  }
  require(!cases.empty(), path + ": holds no case");
  return cases;
}

void write_held_out(const std::string& path, const std::vector<HeldOutCase>& cases) {
  std::ofstream file(path);
  for (const HeldOutCase& one : cases) {
    nlohmann::ordered_json line{{"id", one.id}, {"set", one.set}};
    if (one.watched) line["watched"] = true;
    if (!one.text.empty()) line["text"] = one.text;
    if (one.judged) {
      line["task"] = one.judged->task;
      line["reply"] = one.judged->reply;
      line["next"] = one.judged->next_state;
      if (one.judged->next_role != "user") line["next_role"] = one.judged->next_role;
      if (!one.has_loss()) line["verdict"] = one.verdict;
    }
    for (const Message& message : one.messages)
      line["messages"].push_back({{"role", message.role}, {"content", message.text}});
    if (!one.answer.empty()) line["answer"] = one.answer;
    if (one.has_loss()) line["max_rise"] = one.max_rise;
    if (!one.must.empty()) line["must"] = one.must;
    if (!one.must_not.empty()) line["must_not"] = one.must_not;
    if (one.min_words > 0) line["min_words"] = one.min_words;
    if (one.max_words > 0) line["max_words"] = one.max_words;
    file << line.dump() << "\n";
  }
  file.flush();
  require(file.good(), path + ": cannot be written");
}

std::uint64_t case_seed(std::string_view id, std::uint64_t seed) {
  const std::string text = std::to_string(seed) + "|" + std::string(id);
  return checksum(std::as_bytes(std::span(text)));
}

std::vector<HeldOutCase> draw_cases(const std::vector<HeldOutCase>& cases, std::int64_t per_set, std::uint64_t seed) {
  std::map<std::string, std::vector<std::pair<std::uint64_t, std::size_t>>> sets;
  for (std::size_t i = 0; i < cases.size(); ++i) sets[cases[i].set].emplace_back(case_seed(cases[i].id, seed), i);
  std::vector<std::size_t> chosen;
  for (auto& [name, drawn] : sets) {
    std::sort(drawn.begin(), drawn.end());
    if (static_cast<std::int64_t>(drawn.size()) > per_set) drawn.resize(static_cast<std::size_t>(per_set));
    for (const auto& [hash, index] : drawn) chosen.push_back(index);
  }
  std::sort(chosen.begin(), chosen.end());
  std::vector<HeldOutCase> found;
  for (std::size_t index : chosen) found.push_back(cases[index]);
  return found;
}

}  // namespace clawrl
