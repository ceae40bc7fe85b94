#include <algorithm>
#include <chrono>
#include <deque>

#include "core/error.hpp"
#include "model/policy.hpp"
#include "prm/judge.hpp"
#include "roles/messages.hpp"
#include "roles/model_tokenizer.hpp"
#include "roles/role_loops.hpp"
#include "rollout/engine.hpp"

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

}  // namespace

void run_prm(const RankContext& context, Policy& teacher) {
  lower_priority();
  const RunConfig& config = context.config;
  Mailbox& mailbox = context.mailbox;
  const auto judge_model = make_policy(std::move(context.images.judge), config.model.device);
  Engine engine(*judge_model, judge_engine_settings(config, judge_model->config()));
  const JudgeSettings settings = judge_settings(config, judge_model->config().eos_tokens);
  Judge judge(sampler_of(engine), load_tokenizer(config.model.prm, judge_model->config()),
              ChatTemplate::load(config.model.prm),
              Teacher(scorer_of(teacher), load_tokenizer(config.model.policy, teacher.config()),
                      ChatTemplate::load(config.model.policy, config.model.chat_template), settings.teacher),
              settings);
  mailbox.send(context.map.head(), Port::head, messages::Ready{"prm", context.images.teacher->hash()});
  context.images.teacher.reset();  // the base lives as long as the policy needs it

  std::deque<messages::JudgeTurn> waiting;
  for (bool idle = true;;) {
    while (auto envelope = mailbox.receive(Port::prm, idle ? 50ms : 0ms)) {
      idle = false;
      if (envelope->type == messages::Stop::type_id) return;
      if (envelope->type == messages::JudgeTurn::type_id) waiting.push_back(envelope->open<messages::JudgeTurn>());
      if (envelope->type == messages::UseVersion::type_id)
        teacher.publish(envelope->open<messages::UseVersion>().version);
      if (envelope->type == messages::RetireVersion::type_id)
        teacher.discard(envelope->open<messages::RetireVersion>().version);
    }
    for (; !waiting.empty() && !judge.full(); waiting.pop_front())
      judge.submit(std::move(waiting.front().turn), waiting.front().revision, std::move(waiting.front().given));
    idle = !judge.advance();
    for (Verdict& verdict : judge.take_verdicts())
      mailbox.send(context.map.head(), Port::head, messages::Judged{std::move(verdict)});
  }
}

}  // namespace clawrl
