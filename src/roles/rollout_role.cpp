#include <chrono>

#include "core/error.hpp"
#include "grammar/constraint_compiler.hpp"
#include "prompt/reply_format.hpp"
#include "roles/messages.hpp"
#include "roles/model_tokenizer.hpp"
#include "roles/prompt_scores.hpp"
#include "roles/role_loops.hpp"
#include "roles/text_loss.hpp"
#include "rollout/engine.hpp"

namespace clawrl {
namespace {

using namespace std::chrono_literals;

EngineSettings engine_settings(const RolloutConfig& config, const ModelConfig& model) {
  EngineSettings settings;
  settings.block_size = config.block_size;
  settings.num_blocks = config.blocks;
  settings.max_batch = config.max_batch;
  settings.prefill_budget = config.prefill_budget;
  settings.max_context = config.max_context > 0 ? config.max_context : static_cast<std::int32_t>(context_length(model));
  return settings;
}

/// For replies that are held to a grammar: the same tokenizer and formats as the head's.
ConstraintCompiler make_compiler(const ModelFolders& folders, const ModelConfig& model) {
  return {load_tokenizer(folders.policy, model), model.vocab_size,
          load_reply_format(folders.policy, folders.chat_template, folders.tool_format, folders.reasoning)};
}

/// The whole text at once, between two steps.
messages::TextScored score(Policy& policy, const messages::ScoreText& asked) {
  try {
    return {asked.id, text_loss(policy, asked.version, asked.ids, asked.from), ""};
  } catch (const std::exception& error) {
    return {asked.id, 0, error.what()};
  }
}

/// The scores first, then the reply that waited for them.
void serve(const PromptScoreQueue::Waiting& next, Engine& engine, Policy& policy, const RankContext& context) {
  context.mailbox.send(context.map.head(), Port::head, score_prompt(policy, engine.newest(), next.asked));
  if (next.then) engine.submit(*next.then);
}

/// False = Stop. With one shared line sequences that come without a version take the newest; else all come with theirs,
/// and the start weights stay.
bool obey(const Envelope& envelope, Engine& engine, Policy& policy, PromptScoreQueue& prompts,
          const RankContext& context) {
  switch (envelope.type) {
    case messages::ScoreText::type_id:
      context.mailbox.send(context.map.head(), Port::head, score(policy, envelope.open<messages::ScoreText>()));
      return true;
    case messages::ScorePrompt::type_id:
      prompts.ask(envelope.open<messages::ScorePrompt>());
      return true;
    case messages::Generate::type_id: {
      const GenerateRequest request = envelope.open<messages::Generate>().request;
      if (!prompts.hold(request)) engine.submit(request);
      return true;
    }
    case messages::Cancel::type_id: {
      const RequestId id = envelope.open<messages::Cancel>().id;
      prompts.cancel(id);
      engine.cancel(id);
      return true;
    }
    case messages::LoadVersion::type_id:
      policy.publish(envelope.open<messages::LoadVersion>().version);
      return true;
    case messages::UseVersion::type_id:
      if (context.config.policy.lines == "shared") engine.set_newest(envelope.open<messages::UseVersion>().version);
      return true;
    case messages::RetireVersion::type_id: {
      const std::int64_t version = envelope.open<messages::RetireVersion>().version;
      while (const auto next = prompts.take_of(version)) serve(*next, engine, policy, context);
      engine.retire(version);
      return true;
    }
    case messages::Stop::type_id:
      return false;
    default:
      throw InternalError("rollout got message type " + std::to_string(envelope.type));
  }
}

}  // namespace

void run_rollout(const RankContext& context, Policy& policy) {
  ConstraintCompiler compiler = make_compiler(context.config.model, policy.config());
  Engine engine(policy, engine_settings(context.config.rollout, policy.config()), &compiler);
  Mailbox& mailbox = context.mailbox;
  mailbox.send(context.map.head(), Port::head, messages::Ready{"rollout", context.images.sampler->hash()});
  context.images.sampler.reset();  // version 0 lives as long as the policy needs it
  PromptScoreQueue prompts;
  for (bool idle = true;;) {
    while (auto envelope = mailbox.receive(Port::rollout, idle ? 50ms : 0ms)) {
      if (!obey(*envelope, engine, policy, prompts, context)) return;
      idle = false;
    }
    idle = !engine.step();
    messages::Deltas report{engine.take_deltas()};
    if (!report.deltas.empty()) mailbox.send(context.map.head(), Port::head, report);
    if (const auto next = prompts.take()) {
      serve(*next, engine, policy, context);
      idle = false;
    }
  }
}

}  // namespace clawrl
