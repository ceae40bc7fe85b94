#include "pipeline/run_record.hpp"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "checkpoint/checkpoint_reader.hpp"
#include "prompt/chat_template.hpp"
#include "prompt/detokenizer.hpp"

namespace clawrl::test {
namespace {

constexpr std::int64_t every = INT64_MAX;

std::string label(const Turn& turn) {
  return "turn " + std::to_string(turn.id.value) + " (" + turn.session + "): ";
}

void check_completion(const Turn& turn, const std::set<std::int64_t>& announced, std::vector<std::string>& problems) {
  const Completion& c = turn.completion;
  const auto broken = [&](bool holds, const std::string& what) {
    if (!holds) problems.push_back(label(turn) + what);
  };
  broken(!c.ids.empty(), "no ids");
  broken(c.logprobs.size() == c.ids.size() && c.logprobs_t1.size() == c.ids.size(), "log-probs are not one per id");
  broken(c.versions.size() == c.ids.size(), "versions are not one per id");
  broken(c.topk_ids.size() == c.topk_logprobs.size(), "top-k ids and log-probs differ in number");
  broken(std::set<std::int64_t>(c.versions.begin(), c.versions.end()).size() == 1, "more than one version");
  for (std::int64_t version : c.versions) broken(announced.contains(version), "a version that was never announced");
  for (float p : c.logprobs) broken(p <= 1e-6F && p > -100, "log-prob " + std::to_string(p));
}

void check_text(const Turn& turn, const Tokenizer& tokenizer, const ChatTemplate& chat_template,
                std::vector<std::string>& problems) {
  if (chat_template.render_ids(tokenizer, turn.messages, turn.tools, template_options(turn)) != turn.prompt)
    problems.push_back(label(turn) + "the prompt is not the rendered messages");
  Detokenizer detokenizer(tokenizer, true);
  std::string text;
  for (TokenId id : turn.completion.ids) text += detokenizer.push(id);
  text += detokenizer.flush();
  if (text != turn.reply) problems.push_back(label(turn) + "the reply is not the decoded ids");
}

void check_sample(const TrainingSample& sample, const Turn& turn, std::vector<std::string>& problems) {
  std::vector<TokenId> ids = turn.prompt;
  ids.insert(ids.end(), turn.completion.ids.begin(), turn.completion.ids.end());
  if (sample.ids != ids) return problems.push_back(label(turn) + "the sample is not prompt + ids as sampled");
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const bool response = i >= turn.prompt.size();
    const float expected = response ? turn.completion.logprobs[i - turn.prompt.size()] : 0.0F;
    if (sample.loss_mask[i] != response || sample.sampler_logprobs[i] != expected)
      return problems.push_back(label(turn) + "mask or log-prob of sample token " + std::to_string(i));
  }
}

void check_step(const JournalReader& journal, const StepRecord& step, std::set<SampleId>& fresh,
                std::vector<std::string>& problems) {
  const std::string name = "step " + std::to_string(step.step) + ": ";
  std::vector<SampleId> ids;
  for (const SampleUse& use : step.samples) ids.push_back(use.id);
  const std::vector<TrainingSample> samples = journal.samples(ids);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto turn = journal.turn(ids[i].turn);
    if (!turn) {
      problems.push_back(name + "a sample without a turn");
      continue;
    }
    check_sample(samples[i], *turn, problems);
    if (step.samples[i].replayed && !fresh.contains(ids[i]))
      problems.push_back(name + label(*turn) + "replayed before it was used");
    if (!step.samples[i].replayed && !fresh.insert(ids[i]).second)
      problems.push_back(name + label(*turn) + "fresh twice");
    if (step.finished() && turn->state != TurnState::trained)
      problems.push_back(name + label(*turn) + "is " + clawrl::name(turn->state));
  }
  if (step.finished() && step.metrics.gap_max > 1e-3) problems.push_back(name + "trainer and sampler disagree");
}

}  // namespace

std::string journal_of(const std::string& out) {
  return out + "/journal.sqlite";
}
std::string checkpoints_of(const std::string& out) {
  return out + "/checkpoints";
}

std::vector<Turn> all_turns(const JournalReader& journal) {
  std::vector<Turn> turns;
  for (int state = 0; state <= static_cast<int>(TurnState::excluded); ++state)
    for (TurnId id : journal.turns_in(static_cast<TurnState>(state))) turns.push_back(journal.turn(id).value());
  std::sort(turns.begin(), turns.end(), [](const Turn& a, const Turn& b) { return a.id < b.id; });
  return turns;
}

std::vector<std::string> turn_problems(const JournalReader& journal) {
  const Tokenizer tokenizer = Tokenizer::load(CLAWRL_SOURCE_DIR "/configs/models/policy/tokenizer.json");
  const ChatTemplate chat_template = ChatTemplate::load(CLAWRL_SOURCE_DIR "/configs/models/policy");
  std::set<std::int64_t> announced{0};
  for (const VersionRecord& record : journal.versions())
    if (record.announced_s > 0) announced.insert(record.version.number);
  std::vector<std::string> problems;
  for (const Turn& turn : all_turns(journal)) {
    if (turn.state == TurnState::aborted) continue;
    check_completion(turn, announced, problems);
    check_text(turn, tokenizer, chat_template, problems);
  }
  return problems;
}

std::vector<std::string> step_problems(const JournalReader& journal) {
  std::vector<std::string> problems;
  std::set<SampleId> fresh;
  std::int64_t expected = 0;
  for (const StepRecord& step : journal.steps(1, every)) {
    if (step.step != ++expected) problems.push_back("step " + std::to_string(expected) + " is missing");
    check_step(journal, step, fresh, problems);
  }
  for (TurnId id : journal.turns_in(TurnState::trained))
    if (std::none_of(fresh.begin(), fresh.end(), [&](SampleId sample) { return sample.turn == id; }))
      problems.push_back("turn " + std::to_string(id.value) + ": trained by no step");
  return problems;
}

std::vector<std::string> reply_problems(const JournalReader& journal, const std::vector<demo::ReplyRecord>& replies,
                                        std::uint64_t seed) {
  std::vector<std::string> problems;
  for (const demo::ReplyRecord& reply : replies) {
    const std::string session = "student-" + std::to_string(seed) + "-" + std::to_string(reply.session);
    const std::string name = session + " reply " + std::to_string(reply.turn) + ": ";
    const std::vector<TurnId> turns = journal.turns_of(session);
    const auto place = static_cast<std::size_t>(reply.turn);
    if (!reply.served || reply.cut)
      problems.push_back(name + "not served: " + reply.error);
    else if (place >= turns.size())
      problems.push_back(name + "not in the journal");
    else if (journal.turn(turns[place])->reply != reply.text)
      problems.push_back(name + "other text in the journal");
  }
  return problems;
}

std::vector<std::string> checkpoint_problems(const std::string& root, std::int64_t last_step) {
  std::vector<std::string> problems;
  for (const auto& entry : std::filesystem::directory_iterator(root))
    if (entry.path().filename().string().starts_with(".")) problems.push_back("left over: " + entry.path().string());
  const auto found = list_checkpoints(root);
  for (const CheckpointInfo& info : found)
    if (!info.problem.empty()) problems.push_back(info.path + ": " + info.problem);
  if (found.empty() || found.back().step != last_step)
    return problems.push_back("no checkpoint of step " + std::to_string(last_step)), problems;
  const Checkpoint newest = open_checkpoint(found.back().path, Verify::contents);
  if (newest.state.step != last_step) problems.push_back(newest.path + " says another step");
  return problems;
}

std::map<std::int64_t, std::string> step_hashes(const JournalReader& journal) {
  std::map<std::int64_t, std::string> hashes;
  for (const StepRecord& step : journal.steps(1, every))
    if (step.finished()) hashes[step.step] = step.weights_hash;
  return hashes;
}

std::map<std::int64_t, std::string> replayed_hashes(const JournalReader& journal) {
  std::map<std::int64_t, std::string> hashes;
  for (const EventRecord& event : journal.events(10'000)) {
    if (event.kind != "replayed_step") continue;
    std::istringstream words(event.text);
    std::int64_t step = 0;
    std::string weights, hash;
    words >> step >> weights >> hash;
    hashes[step] = hashes.contains(step) && hashes[step] != hash ? "differs between two runs" : hash;
  }
  return hashes;
}

std::map<std::string, std::vector<char>> newest_tensors(const std::string& root) {
  std::map<std::string, std::vector<char>> tensors;
  const auto loaded = load_newest(root, true);
  if (!loaded) return tensors;
  std::vector<ParameterView> views;
  for (const ShardInfo& shard : loaded->checkpoint.shards)
    for (const TensorInfo& info : shard.tensors) {
      std::vector<char>& bytes = tensors[info.name];
      bytes.resize(info.bytes);
      views.push_back({info.name, info.type, info.shape, bytes.data(), MemorySpace::host});
    }
  load_tensors(loaded->checkpoint, views);
  return tensors;
}

double status_number(const std::string& status, const std::string& name) {
  const auto json = nlohmann::json::parse(status, nullptr, false);
  return json.is_object() ? json.value(name, -1.0) : -1.0;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (std::size_t i = 0; i < lines.size() && i < 20; ++i) text += "\n  " + lines[i];
  return lines.size() > 20 ? text + "\n  and " + std::to_string(lines.size() - 20) + " more" : text;
}

}  // namespace clawrl::test
