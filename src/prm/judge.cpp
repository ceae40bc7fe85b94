#include "prm/judge.hpp"

#include <algorithm>

#include "core/error.hpp"
#include "prm/fault_parser.hpp"
#include "prm/hint_parser.hpp"
#include "rollout/append.hpp"

namespace clawrl {
namespace {

constexpr std::size_t kTurnsPerScore = 4;  // scored between two engine steps, so that votes go on

std::uint64_t mix(std::uint64_t state, std::uint64_t value) {
  state = (state ^ value) + 0x9E3779B97F4A7C15ULL;
  state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9ULL;
  state = (state ^ (state >> 27)) * 0x94D049BB133111EBULL;
  return state ^ (state >> 31);
}

std::uint64_t question_seed(std::uint64_t seed, SampleId id, bool vote, std::size_t index) {
  for (const std::uint64_t part : {static_cast<std::uint64_t>(id.turn.value), static_cast<std::uint64_t>(id.revision),
                                   std::uint64_t{vote ? 0U : 1U}, static_cast<std::uint64_t>(index)})
    seed = mix(seed, part);
  return seed;
}

/// `now_s`: of the turn, so that a template that writes the date gives the same prompt when a run is replayed.
std::vector<TokenId> render(const std::vector<Message>& messages, const PrmConfig& prm, const Tokenizer& tokenizer,
                            const ChatTemplate& chat_template, double now_s) {
  const TemplateOptions options{.arguments = prm.template_arguments, .now_s = now_s};
  try {
    return chat_template.render_ids(tokenizer, messages, "", options);
  } catch (const UserError&) {  // many templates take no system message
    return chat_template.render_ids(tokenizer, without_system(messages), "", options);
  }
}

JudgePromptLimits limits_of(const PrmConfig& prm) {
  return {prm.task_words, prm.reply_words, prm.next_words};
}

std::vector<TokenId> hint_question(const JudgedTurn& turn, const JudgeSettings& settings, const Tokenizer& tokenizer,
                                   const ChatTemplate& chat_template, double now_s) {
  return render(hint_prompt(turn, limits_of(settings.prm), settings.style), settings.prm, tokenizer, chat_template,
                now_s);
}

std::string name_of(SampleId id) {
  return "turn " + std::to_string(id.turn.value) + " revision " + std::to_string(id.revision);
}

}  // namespace

bool needs_base_version(const RunConfig& config) {
  return config.prm.teacher == "base" || config.trainer.loss.kl_beta > 0;
}

std::string teacher_folder(const PrmConfig& prm) {
  return prm.teacher == "policy" || prm.teacher == "base" ? "" : prm.teacher;
}

bool prms_follow_policy(const RunConfig& config) {
  return config.prm.teacher == "policy" || config.prm.evaluator == "self" || config.samples.subset == "teacher";
}

JudgeSettings judge_settings(const RunConfig& config, const std::vector<TokenId>& stop_tokens) {
  JudgeSettings settings;
  settings.prm = config.prm;
  settings.teacher = {.base = config.prm.teacher == "base",
                      .reference = config.trainer.loss.kl_beta > 0,
                      .hint_choice = config.samples.hint_choice,
                      .subset = config.samples.subset,
                      .max_tokens = config.samples.max_tokens};
  settings.wants_hints = config.samples.method != "binary";
  settings.style = {.self = config.prm.evaluator == "self",
                    .severity = config.samples.severity,
                    .fault = config.samples.localise_errors};
  settings.seed = config.run.seed;
  settings.stop_tokens = stop_tokens;
  return settings;
}

std::vector<TokenId> vote_question(const JudgedTurn& turn, const JudgeSettings& settings, const Tokenizer& tokenizer,
                                   const ChatTemplate& chat_template, double now_s) {
  return render(vote_prompt(turn, limits_of(settings.prm), settings.style), settings.prm, tokenizer, chat_template,
                now_s);
}

Judge::Judge(JudgeSampler sampler, Tokenizer judge_tokenizer, ChatTemplate judge_template, Teacher teacher,
             JudgeSettings settings)
    : sampler_(std::move(sampler)),
      tokenizer_(std::move(judge_tokenizer)),
      template_(std::move(judge_template)),
      teacher_(std::move(teacher)),
      settings_(std::move(settings)) {
  expect(settings_.capacity > 0, "Judge: capacity must be positive");
}

void Judge::submit(Turn turn, std::int32_t revision, GivenVerdict given) {
  const SampleId id{turn.id, revision};
  expect(!full(), "Judge::submit() above its capacity of " + std::to_string(settings_.capacity));
  expect(!cases_.contains(id), "Judge: " + name_of(id) + " is in flight already");
  // A user's -1 needs no vote; only how grave it was and where it began is asked, unless the user said that, too.
  const bool untold =
      (settings_.style.severity && given.severity == 0) || (settings_.style.fault && given.fault.empty());
  const std::size_t blames = untold && given.vote == std::int8_t{-1} ? 1 : 0;
  const auto votes = given.vote ? blames : static_cast<std::size_t>(settings_.prm.votes);
  const bool wants_hints = settings_.wants_hints && given.ask_hints;
  const auto hints = wants_hints ? static_cast<std::size_t>(settings_.prm.hints) : 0;
  Case& one = cases_[id];
  one.turn = std::move(turn);
  one.given = std::move(given);
  one.votes.resize(votes);
  one.voted.resize(votes);
  one.grades.resize(votes);
  one.faults.resize(votes);
  one.hints.resize(hints);
  try {
    ask_all(id, one);
  } catch (const UserError& error) {  // the judge's template refused
    one.error = error.what();
    one.failed = 1;
  }
  if (one.open == 0) ready_.push_back(id);
}

/// Both prompts are made before the first question goes out.
void Judge::ask_all(SampleId id, Case& one) {
  JudgedTurn judged = judged_turn(one.turn);
  if (!one.given.task.empty()) judged.task = one.given.task;
  std::vector<TokenId> vote, hint;
  if (!one.votes.empty()) vote = vote_question(judged, settings_, tokenizer_, template_, one.turn.created_s);
  if (!one.hints.empty()) hint = hint_question(judged, settings_, tokenizer_, template_, one.turn.created_s);
  for (std::size_t i = 0; i < one.votes.size(); ++i) ask(id, true, i, vote);
  for (std::size_t i = 0; i < one.hints.size(); ++i) ask(id, false, i, hint);
  one.open = static_cast<int>(one.votes.size() + one.hints.size());
}

void Judge::ask(SampleId id, bool vote, std::size_t index, const std::vector<TokenId>& prompt) {
  GenerateRequest request;
  request.id = {next_request_++};
  request.prompt = prompt;
  request.sampling.temperature = static_cast<float>(settings_.prm.temperature);
  request.sampling.seed = question_seed(settings_.seed, id, vote, index);
  request.stop.max_tokens = settings_.prm.max_tokens;
  request.stop.stop_tokens = settings_.stop_tokens;
  request.deadline_s = settings_.prm.timeout_s;
  questions_[request.id] = {id, vote, index, {}};
  sampler_.submit(std::move(request));
}

bool Judge::advance() {
  const bool stepped = sampler_.step();
  take_answers();
  const bool scored = !ready_.empty();
  score_ready();
  return stepped || scored;
}

void Judge::take_answers() {
  for (const auto& delta : sampler_.take_deltas()) {
    const auto found = questions_.find(delta.id);
    if (found == questions_.end()) continue;
    append(found->second.answer, delta.part);
    if (delta.part.finish == FinishReason::none) continue;
    const Question question = std::move(found->second);
    questions_.erase(found);
    Case& one = cases_.at(question.of);
    record(question, one);
    if (question.vote) cancel_decided(question.of, one);
    if (--one.open == 0) ready_.push_back(question.of);
  }
}

void Judge::record(const Question& question, Case& one) {
  const auto finish = question.answer.finish;
  if (finish == FinishReason::cancelled) return;
  if (finish == FinishReason::failed || finish == FinishReason::deadline) {
    ++one.failed;
    one.error = finish == FinishReason::failed ? question.answer.error
                                               : "no answer within " + std::to_string(settings_.prm.timeout_s) + " s";
  }
  const std::string text = tokenizer_.decode(question.answer.ids, true);
  if (question.vote) {
    one.voted[question.index] = true;
    one.votes[question.index] = parse_vote(text);
    if (settings_.style.severity) one.grades[question.index] = parse_severity(text);
    if (settings_.style.fault) one.faults[question.index] = parse_fault(text).value_or("");
  } else {
    one.hints[question.index] = parse_hint(text).value_or("");
  }
}

void Judge::cancel_decided(SampleId id, const Case& one) {
  std::vector<Vote> cast;
  for (std::size_t i = 0; i < one.votes.size(); ++i)
    if (one.voted[i]) cast.push_back(one.votes[i]);
  const int remaining = static_cast<int>(one.votes.size() - cast.size());
  if (remaining == 0 || !majority_decided(cast, remaining)) return;
  // Grade and place of an error are all voters' word: who is quickest must not decide them.
  if ((settings_.style.severity || settings_.style.fault) && majority(cast) < 0) return;
  for (const auto& [request, question] : questions_)
    if (question.of == id && question.vote) sampler_.cancel(request);
}

/// What the user said goes first; who was outvoted is not asked where the error is.
void Judge::blame(const Case& one, Verdict& verdict) const {
  if (verdict.score >= 0) return;
  const std::vector<Vote> votes = one.given.vote ? std::vector<Vote>(one.grades.size(), one.given.vote) : one.votes;
  verdict.severity = one.given.severity > 0 ? one.given.severity : agreed_severity(votes, one.grades);
  std::vector<std::string> quotes = {one.given.fault};
  for (std::size_t i = 0; i < votes.size(); ++i)
    if (votes[i] == verdict.score) quotes.push_back(one.faults[i]);
  for (const std::string& quote : quotes) {
    if (quote.empty() || verdict.fault_begin >= 0) continue;
    const auto span = teacher_.locate_in(one.turn, quote).value_or(TokenSpan{});
    verdict.fault_begin = span.begin;
    verdict.fault_end = span.end;
  }
}

Verdict Judge::verdict_of(SampleId id, const Case& one) const {
  Verdict verdict;
  verdict.turn = id.turn;
  verdict.revision = id.revision;
  for (std::size_t i = 0; i < one.votes.size(); ++i)
    if (one.voted[i]) verdict.votes.push_back(one.votes[i]);
  if (one.given.vote) verdict.votes = {one.given.vote};
  verdict.score = majority(verdict.votes);
  verdict.origin = one.given.origin;
  blame(one, verdict);
  if (settings_.wants_hints) verdict.hints = one.given.hints;
  for (const auto& hint : one.hints)
    if (!hint.empty() && std::find(verdict.hints.begin(), verdict.hints.end(), hint) == verdict.hints.end())
      verdict.hints.push_back(hint);
  const bool nothing = verdict.hints.empty() && std::none_of(verdict.votes.begin(), verdict.votes.end(),
                                                             [](const Vote& vote) { return vote.has_value(); });
  if (one.failed > 0 && nothing) verdict.error = "judge: " + one.error;
  return verdict;
}

void Judge::score_ready() {
  const std::size_t count = std::min(ready_.size(), kTurnsPerScore);
  for (std::size_t i = 0; i < count; ++i) {
    const SampleId id = ready_[i];
    const Case& one = cases_.at(id);
    Verdict verdict = verdict_of(id, one);
    try {
      if (verdict.error.empty()) teacher_.score(one.turn, verdict, one.given.earlier_hints);
    } catch (const std::exception& error) {
      verdict.error = error.what();
    }
    finished_.push_back(std::move(verdict));
    cases_.erase(id);
  }
  ready_.erase(ready_.begin(), ready_.begin() + static_cast<std::ptrdiff_t>(count));
}

}  // namespace clawrl
