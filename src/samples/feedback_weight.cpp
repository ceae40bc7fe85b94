#include "samples/feedback_weight.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <sstream>
#include <utility>

#include "core/answer_marks.hpp"
#include "core/checksum.hpp"
#include "core/error.hpp"

namespace clawrl {
namespace {

constexpr double kDay = 86400;

// Log-likelihood ratios of somebody who means what they say against somebody who talks at random, in units of a hint's
// that agrees. Of random praise 8 in 100 agree, of random hints 53; of the others' 98 and 100.
constexpr int hint_agrees = 1, praise_agrees = 4, opposes = -4;

std::uint64_t hash(const std::string& text) {
  return checksum(std::as_bytes(std::span(text)));
}

std::string users_words(const std::vector<Message>& messages) {
  std::string text;
  for (const auto& message : messages)
    if (message.role == "user") text += message.text + "\n";
  return text;
}

}  // namespace

bool names_user(const Turn& turn) {
  return !turn.key.empty() || !turn.user.empty();
}

std::string influence_key(const Turn& turn) {
  return hex(hash(names_user(turn) ? "user\n" + turn.key + "\n" + turn.user : "session\n" + turn.session));
}

bool FeedbackWeights::idle() const {
  const FeedbackWeighting off;
  return settings_.silence_weight == off.silence_weight && settings_.contradiction_weight == 1 &&
         settings_.most_contradictions == 1 && settings_.repetition_weight == 1 && settings_.trusted_after == 0 &&
         settings_.posing_weight == 1 && settings_.newcomer_samples == 0 && settings_.user_daily_cap == 0 &&
         settings_.daily_cap == 0;
}

FeedbackWeights::User& FeedbackWeights::user_of(const Turn& turn) {
  clock_s_ = std::max(clock_s_, turn.created_s);
  if (const auto day = static_cast<std::int64_t>(std::floor(clock_s_ / kDay)); day != day_) {
    day_ = day;
    used_ = 0;
    for (auto& [key, user] : users_) user.used = 0;
  }
  const std::string key = influence_key(turn);
  if (!users_.contains(key) && users_.size() >= most_users)
    users_.erase(std::min_element(users_.begin(), users_.end(),
                                  [](const auto& a, const auto& b) { return a.second.seen_s < b.second.seen_s; }));
  User& user = users_[key];
  user.seen_s = clock_s_;
  return user;
}

/// The entry of what is said with the turn, newest but for one that was heard and waited. A further revision takes the
/// place of the one before, with what that took.
FeedbackWeights::Weighed& FeedbackWeights::note(User& user, const Turn& turn, const Verdict& verdict) const {
  const auto before =
      std::find_if(user.newest.begin(), user.newest.end(), [&](const Weighed& one) { return one.turn == turn.id; });
  if (before != user.newest.end() && before->heard == verdict.revision) return *before;
  const bool silent = verdict.origin == "silence";
  Weighed said = {.turn = turn.id,
                  .said = statement_of(silent ? "" : users_words(turn.next_state)),
                  .wish = verdict.chosen_hint >= 0 || verdict.hint_agreement.has_value(),
                  .day = day_,
                  .heard = verdict.revision};
  if (before != user.newest.end()) {
    said.taken = before->taken;
    said.day = before->day;
    user.newest.erase(before);
  }
  while (user.newest.size() > static_cast<std::size_t>(settings_.memory)) user.newest.pop_front();
  if (!silent) said.evidence = compare(user, said.said, verdict);
  user.newest.push_back(said);
  return user.newest.back();
}

/// What it took before; as far as that is remembered.
void FeedbackWeights::give_back(User& user, Weighed& said) {
  if (said.day == day_) {
    user.used = std::max(0.0, user.used - said.taken);
    used_ = std::max(0.0, used_ - said.taken);
  }
  said.taken = 0;
}

/// It contradicts when the user's newest statement on its topic says the opposite, or when its hint is opposed to one
/// of the user's newest.
int FeedbackWeights::compare(const User& user, const Statement& said, const Verdict& verdict) const {
  int evidence = 0;
  if (verdict.hint_agreement) evidence = verdict.opposes() ? opposes : verdict.score > 0 ? praise_agrees : hint_agrees;
  if (said.topic == 0) return evidence;
  const auto before = std::find_if(user.newest.rbegin(), user.newest.rend(),
                                   [&](const Weighed& one) { return one.said.topic == said.topic; });
  if (before == user.newest.rend()) return evidence;
  if (evidence < 0 || before->said.negated != said.negated) return opposes;
  return std::max(evidence, verdict.score < 0 ? hint_agrees : 0);  // praise in the same words proves nothing
}

double FeedbackWeights::discount(const User& user, const Weighed& said) const {
  const double weight = said.evidence < 0 ? settings_.contradiction_weight : 1;
  if (said.said.topic == 0) return weight;
  int repeated = 0;
  for (const Weighed& one : user.newest) {
    if (&one == &said) break;
    repeated += one.said == said.said;
  }
  return weight * std::pow(settings_.repetition_weight, repeated);
}

/// Those that counted, once; of the caps they keep what they took.
std::vector<TurnId> FeedbackWeights::withdraw(User& user) {
  std::vector<TurnId> turns;
  for (Weighed& one : user.newest)
    if (std::exchange(one.taken, 0) > 0) turns.push_back(one.turn);
  return turns;
}

double FeedbackWeights::left(const User& user) const {
  const double unbounded = std::numeric_limits<double>::infinity();
  const double own = settings_.user_daily_cap > 0 ? settings_.user_daily_cap - user.used : unbounded;
  const double all = settings_.daily_cap > 0 ? settings_.daily_cap - used_ : unbounded;
  return std::max(0.0, std::min(own, all));
}

FeedbackWeight FeedbackWeights::weigh(const Turn& turn, const Verdict& verdict, bool moves) {
  if (idle()) return {1, moves ? "" : "zero_advantage"};
  User& user = user_of(turn);
  Weighed& said = note(user, turn, verdict);
  std::int64_t& samples = names_user(turn) ? user.samples : unnamed_samples_;
  const std::int64_t sample = samples + (said.taken > 0 ? 0 : 1);
  give_back(user, said);
  const bool silent = verdict.origin == "silence";
  const double posing = !silent && poses_as_judge(users_words(turn.next_state)) ? settings_.posing_weight : 1;
  const Agreement agreed = agreement(user);
  const bool steady = !unsteady(turn, agreed);
  const double wanted = (silent ? settings_.silence_weight : discount(user, said)) * posing *
                        trust(turn, user, said, agreed, sample) * steady * moves;
  const double room = left(user), value = std::max(0.0, std::min(wanted, room));
  const bool own = settings_.user_daily_cap > 0 && settings_.user_daily_cap - user.used <= 0;
  user.used += value;
  used_ += value;
  said.taken = value;
  said.day = day_;
  said.heard = -1;
  if (value > 0) samples = sample;
  if (value > 0) return {value, ""};
  if (!steady) return {0, "unsteady", withdraw(user)};
  if (!moves) return {0, "zero_advantage"};
  return {0, posing <= 0 ? "poses_as_judge" : wanted <= 0 ? "discounted" : own ? "user_cap" : "day_cap"};
}

std::string FeedbackWeights::text() const {
  std::ostringstream out;
  out.precision(17);
  out << "clock4 " << clock_s_ << ' ' << day_ << ' ' << used_ << ' ' << unnamed_samples_ << '\n';
  for (const auto& [key, user] : users_) {
    out << key << ' ' << user.used << ' ' << user.seen_s << ' ' << user.samples << ' ' << user.newest.size();
    for (const Weighed& one : user.newest)
      out << ' ' << one.turn.value << ' ' << one.said.topic << ' ' << one.said.negated << ' ' << one.evidence << ' '
          << one.wish << ' ' << one.taken << ' ' << one.day;
    out << '\n';
  }
  return out.str();
}

void FeedbackWeights::restore(const std::string& text) {
  FeedbackWeights read(settings_);
  std::istringstream in(text);
  std::string word;
  in >> word >> read.clock_s_ >> read.day_ >> read.used_;
  const bool wishes = word == "clock4";               // from when wishes were told from votes
  const bool compared = wishes || word == "clock3";   // from when comparisons were kept
  const bool counted = compared || word == "clock2";  // from when samples were counted
  if (compared) in >> read.unnamed_samples_;
  require(in && (counted || word == "clock"), "the feedback weights of a checkpoint cannot be read");
  for (std::string key; in >> key;) {
    User& user = read.users_[key];
    std::size_t count = 0;
    in >> user.used >> user.seen_s;
    if (counted) in >> user.samples;
    in >> count;
    if (!counted) user.samples = static_cast<std::int64_t>(count);
    for (std::size_t i = 0; in && i < count; ++i) {
      Weighed one;
      in >> one.turn.value >> one.said.topic >> one.said.negated;
      bool flag = false;  // a wish, in clock3 a contradiction
      if (compared) in >> one.evidence >> flag;
      one.wish = wishes ? flag : one.evidence != 0;
      if (flag && !wishes) one.evidence = opposes;
      in >> one.taken >> one.day;
      user.newest.push_back(one);
    }
    require(static_cast<bool>(in), "the feedback weights of a checkpoint cannot be read: " + key);
  }
  *this = std::move(read);
}

}  // namespace clawrl
