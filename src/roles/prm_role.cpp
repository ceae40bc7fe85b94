#include <algorithm>
#include <chrono>
#include <deque>
#include <map>

#include "core/error.hpp"
#include "model/policy.hpp"
#include "prm/judge.hpp"
#include "roles/messages.hpp"
#include "roles/model_tokenizer.hpp"
#include "roles/role_loops.hpp"
#include "rollout/engine.hpp"
#include "samples/policy_lines.hpp"

namespace clawrl {
namespace {

using namespace std::chrono_literals;

EngineSettings judge_engine_settings(const RunConfig& config, const ModelConfig& model) {
  EngineSettings settings;
  settings.block_size = config.rollout.block_size;
  settings.num_blocks = std::min(config.rollout.blocks, 2048);
  settings.max_batch = config.rollout.max_batch;
  settings.prefill_budget = std::max(512, config.rollout.prefill_budget);
  settings.max_context = std::min<std::int32_t>(8192, static_cast<std::int32_t>(context_length(model)));
  return settings;
}

/// Self-analysis runs on the policy: its versions come and go under the engine.
struct Versions {
  Policy& policy;
  Engine* engine;                                   // that runs on the policy, if one does
  std::map<std::string, std::int64_t> newest = {};  // of each policy line
  void load(std::int64_t version) const { policy.publish(version); }
  void use(const messages::UseVersion& message) {
    newest[message.line] = message.version;
    if (engine) engine->set_newest(message.version);
  }
  void retire(std::int64_t version) {
    std::erase_if(newest, [&](const auto& entry) { return entry.second == version; });
    if (engine) return engine->retire(version);
    policy.discard(version);
  }
  std::int64_t of(const std::string& line) const {
    const auto found = newest.find(line);
    return found == newest.end() ? 0 : found->second;
  }
};

Teacher make_teacher(const RunConfig& config, Policy& policy, Policy* other, TeacherSettings settings) {
  settings.vocabulary = policy.config().vocab_size;
  return {scorer_of(policy), load_tokenizer(config.model.policy, policy.config()),
          ChatTemplate::load(config.model.policy, config.model.chat_template), std::move(settings),
          other ? std::optional(scorer_of(*other)) : std::nullopt};
}

}  // namespace

void run_prm(const RankContext& context, Policy& policy) {
  lower_priority();
  const RunConfig& config = context.config;
  Mailbox& mailbox = context.mailbox;
  const bool self = config.prm.evaluator == "self";
  const auto judge_model = self ? nullptr : make_policy(std::move(context.images.judge), config.model.device);
  const auto other = context.images.other ? make_policy(std::move(context.images.other), config.model.device) : nullptr;
  Policy& evaluator = self ? policy : *judge_model;
  const std::string& folder = self ? config.model.policy : config.model.prm;
  Engine engine(evaluator, judge_engine_settings(config, evaluator.config()));
  Versions versions{policy, self ? &engine : nullptr};
  JudgeSettings settings = judge_settings(config, evaluator.config().eos_tokens);
  if (config.policy.per_user())
    settings.teacher.newest = [&](const Turn& turn) {
      const std::int64_t own = versions.of(policy_line(config.policy, turn));
      return own == 0 && config.policy.stacked() ? versions.of(shared_line) : own;
    };
  Judge judge(sampler_of(engine), load_tokenizer(folder, evaluator.config()),
              ChatTemplate::load(folder, self ? config.model.chat_template : ""),
              make_teacher(config, policy, other.get(), settings.teacher), settings);
  mailbox.send(context.map.head(), Port::head, messages::Ready{"prm", context.images.teacher->hash()});
  context.images.teacher.reset();  // the base lives as long as the policy needs it

  std::deque<messages::JudgeTurn> waiting;
  for (bool idle = true;;) {
    while (auto envelope = mailbox.receive(Port::prm, idle ? 50ms : 0ms)) {
      idle = false;
      if (envelope->type == messages::Stop::type_id) return;
      if (envelope->type == messages::JudgeTurn::type_id) waiting.push_back(envelope->open<messages::JudgeTurn>());
      if (envelope->type == messages::LoadVersion::type_id)
        versions.load(envelope->open<messages::LoadVersion>().version);
      if (envelope->type == messages::UseVersion::type_id) versions.use(envelope->open<messages::UseVersion>());
      if (envelope->type == messages::RetireVersion::type_id)
        versions.retire(envelope->open<messages::RetireVersion>().version);
    }
    for (; !waiting.empty() && !judge.full(); waiting.pop_front())
      judge.submit(std::move(waiting.front().turn), waiting.front().revision, std::move(waiting.front().given));
    idle = !judge.advance();
    for (Verdict& verdict : judge.take_verdicts())
      mailbox.send(context.map.head(), Port::head, messages::Judged{std::move(verdict)});
  }
}

}  // namespace clawrl
