#include "roles/held_out_run.hpp"

#include <algorithm>
#include <limits>

#include "core/error.hpp"

namespace clawrl {
namespace {

constexpr std::uint64_t own_ids = std::uint64_t{1} << 63;  // clients' requests have lower ones
constexpr double deadline_s = 300;                         // of one reply; then the case is asked again

HeldOutQuestion question_of(const HeldOutCase& one, const HeldOutRunSettings& settings, const Tokenizer& tokenizer,
                            const ChatTemplate& chat_template) {
  HeldOutQuestion asked = held_out_question(one, settings.judge, tokenizer, chat_template);
  const std::size_t size = asked.ids.size();
  require(static_cast<std::int64_t>(size) < settings.context,
          "held-out case '" + one.id + "': it has " + std::to_string(size) + " tokens, and the context is of " +
              std::to_string(settings.context));
  require(size >= 2, "held-out case '" + one.id + "': it has fewer than 2 tokens");
  return asked;
}

}  // namespace

HeldOutRun::HeldOutRun(Mailbox& mailbox, const Tokenizer& tokenizer, const ChatTemplate& chat_template,
                       std::vector<HeldOutCase> cases, HeldOutRunSettings settings,
                       std::function<int(int rank)> clients)
    : mailbox_(mailbox),
      tokenizer_(tokenizer),
      cases_(std::move(cases)),
      settings_(std::move(settings)),
      clients_(std::move(clients)) {
  for (const HeldOutCase& one : cases_) {
    rules_.emplace_back(one, "held-out case '" + one.id + "'");
    questions_.push_back(question_of(one, settings_, tokenizer_, chat_template));
  }
}

void HeldOutRun::begin(std::int64_t version, double now_s) {
  expect(!under_way(), "one version is audited at a time");
  version_ = version;
  now_s_ = moved_s_ = now_s;
  for (std::size_t i = 0; i < cases_.size(); ++i) waiting_.push_back(i);
  result_ = {version, Outcomes(cases_.size(), 0), 0, ""};
}

void HeldOutRun::tick(double now_s) {
  now_s_ = now_s;
  while (!waiting_.empty() && asked_.size() < static_cast<std::size_t>(settings_.concurrency)) {
    const auto rank = free_rank();
    if (!rank) return;
    ask(waiting_.front(), *rank);
    waiting_.pop_front();
  }
}

int HeldOutRun::own_on(int rank) const {
  return static_cast<int>(
      std::count_if(asked_.begin(), asked_.end(), [&](const auto& entry) { return entry.second.rank == rank; }));
}

/// The idlest one without clients, if there is one.
std::optional<int> HeldOutRun::free_rank() const {
  const auto& ranks = settings_.rollouts;
  const int idlest = *std::min_element(ranks.begin(), ranks.end(), [&](int a, int b) {
    return std::pair(clients_(a), own_on(a)) < std::pair(clients_(b), own_on(b));
  });
  const bool patient = now_s_ - moved_s_ < settings_.patience_s || !asked_.empty();
  return clients_(idlest) > 0 && patient ? std::nullopt : std::optional(idlest);
}

void HeldOutRun::ask(std::size_t index, int rank) {
  const RequestId id{own_ids | ++last_id_};
  Asked asked{index, rank, std::nullopt};
  const HeldOutQuestion& question = questions_[index];
  if (cases_[index].has_loss()) {
    mailbox_.send(rank, Port::rollout, messages::ScoreText{id, *version_, question.ids, question.from});
  } else {
    asked.reply.emplace(held_out_reply(tokenizer_, settings_.format, question.ids, settings_.stop_tokens));
    mailbox_.send(rank, Port::rollout, messages::Generate{request_of(index, id)});
  }
  asked_.emplace(id.value, std::move(asked));
  moved_s_ = now_s_;
}

GenerateRequest HeldOutRun::request_of(std::size_t index, RequestId id) const {
  GenerateRequest generate;
  generate.id = id;
  generate.prompt = questions_[index].ids;
  generate.version = version_;
  const bool vote = cases_[index].kind() == HeldOutKind::verdict;
  const PrmConfig& prm = settings_.judge.prm;
  generate.sampling.temperature = static_cast<float>(vote ? prm.temperature : settings_.temperature);
  generate.sampling.seed = case_seed(cases_[index].id, settings_.seed);
  const auto room = settings_.context - static_cast<std::int32_t>(generate.prompt.size());
  generate.stop.max_tokens = std::min(vote ? prm.max_tokens : settings_.max_tokens, room);
  generate.stop.stop_tokens = settings_.stop_tokens;
  generate.deadline_s = deadline_s;
  return generate;
}

void HeldOutRun::take(const std::vector<CompletionDelta>& deltas) {
  for (const CompletionDelta& delta : deltas) {
    const auto found = asked_.find(delta.id.value);
    if (found == asked_.end()) continue;
    for (TokenId id : delta.part.ids) found->second.reply->push(id);
    if (delta.part.finish != FinishReason::none) end(delta.id.value, delta);
  }
}

void HeldOutRun::end(std::uint64_t id, const CompletionDelta& last) {
  Asked asked = std::move(asked_.extract(id).mapped());
  moved_s_ = now_s_;
  if (last.part.finish == FinishReason::deadline) return waiting_.push_back(asked.index);
  if (last.part.finish == FinishReason::failed) return unanswered(asked, last.part.error);
  asked.reply->finish(last.part.finish);
  result_.outcomes[asked.index] = passes(cases_[asked.index], rules_[asked.index], *asked.reply);
}

void HeldOutRun::take(const messages::TextScored& scored) {
  const auto found = asked_.find(scored.id.value);
  if (found == asked_.end()) return;
  const Asked asked = std::move(asked_.extract(found).mapped());
  moved_s_ = now_s_;
  if (!scored.error.empty()) return unanswered(asked, scored.error);
  result_.outcomes[asked.index] = scored.loss;
}

void HeldOutRun::unanswered(const Asked& asked, const std::string& error) {
  if (result_.unanswered++ == 0) result_.error = error;
  if (!asked.reply) result_.outcomes[asked.index] = std::numeric_limits<double>::quiet_NaN();
}

void HeldOutRun::cancel() {
  for (const auto& [id, asked] : asked_) mailbox_.send(asked.rank, Port::rollout, messages::Cancel{{id}});
  asked_.clear();
  waiting_.clear();
  version_.reset();
}

std::optional<HeldOutResult> HeldOutRun::take_result() {
  if (!under_way() || !waiting_.empty() || !asked_.empty()) return std::nullopt;
  version_.reset();
  return std::move(result_);
}

}  // namespace clawrl
