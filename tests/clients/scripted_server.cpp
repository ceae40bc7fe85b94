// `serve` with a script in the place of the model: HTTP, sessions, prompt, journal and head are the real ones, and no
// torch is linked. Without mpirun it is a world of one rank.
//
//   scripted_server --script.file rules.json --out DIR --http.port 0 [settings of serve]

#include <atomic>
#include <csignal>
#include <iostream>
#include <thread>

#include "clients/scripted_sampler.hpp"
#include "comm/communicator.hpp"
#include "comm/mpi_environment.hpp"
#include "config/parse.hpp"
#include "core/error.hpp"
#include "kernels/runtime.hpp"
#include "model/model_config.hpp"
#include "roles/head.hpp"
#include "roles/messages.hpp"
#include "roles/model_tokenizer.hpp"

namespace {

using namespace clawrl;
using namespace std::chrono_literals;

std::atomic<bool> stop_requested = false;

test::ScriptedSampler make_sampler(const RunConfig& config, const std::string& script) {
  const ModelFolders& model = config.model;
  const ModelConfig shape = read_model_config(model.policy);
  const Tokenizer tokenizer = load_tokenizer(model.policy, shape);
  return {test::Script::load(script), tokenizer,
          ConstraintCompiler(tokenizer, shape.vocab_size,
                             load_reply_format(model.policy, model.chat_template, model.tool_format, model.reasoning))};
}

std::chrono::microseconds patience(const test::ScriptedSampler& sampler) {
  constexpr std::chrono::microseconds longest = 50ms;
  const auto due = sampler.next_due();
  if (!due) return longest;
  const auto left = *due - test::ScriptedSampler::Clock::now();
  return std::clamp(std::chrono::ceil<std::chrono::microseconds>(left), 0us, longest);
}

/// Each token of a prompt has half of the probability, as those that are said.
messages::PromptScored score(const messages::ScorePrompt& asked) {
  messages::PromptScored scored;
  scored.id = asked.id;
  scored.logprobs.assign(asked.ids.size() - 1, -0.6931472F);
  return scored;
}

/// False = Stop.
bool obey(const Envelope& envelope, test::ScriptedSampler& sampler, const RankContext& context) {
  if (envelope.type == messages::Stop::type_id) return false;
  if (envelope.type == messages::Generate::type_id) sampler.submit(envelope.open<messages::Generate>().request);
  if (envelope.type == messages::ScorePrompt::type_id)
    context.mailbox.send(context.map.head(), Port::head, score(envelope.open<messages::ScorePrompt>()));
  if (envelope.type == messages::Cancel::type_id) sampler.cancel(envelope.open<messages::Cancel>().id);
  return true;
}

void run_sampler(const RankContext& context, test::ScriptedSampler sampler) {
  Mailbox& mailbox = context.mailbox;
  mailbox.send(context.map.head(), Port::head, messages::Ready{"rollout", "script"});
  for (;;) {
    while (auto envelope = mailbox.receive(Port::rollout, patience(sampler)))
      if (!obey(*envelope, sampler, context)) return;
    messages::Deltas report{sampler.step()};
    if (!report.deltas.empty()) mailbox.send(context.map.head(), Port::head, report);
  }
}

int serve(const MpiEnvironment& mpi, const RunConfig& config, const std::string& resolved, const std::string& script) {
  require(mpi.size() == 1, "the scripted server runs on one rank");
  for (int signal : {SIGINT, SIGTERM, SIGUSR1}) std::signal(signal, [](int) { stop_requested = true; });
  std::signal(SIGPIPE, SIG_IGN);
  const RoleMap map = RoleMap::serving(1);
  const KernelRuntime kernels(1);
  std::unique_ptr<Head> head;  // outlives the mailbox
  NodeImages images;
  const auto mailbox = make_mailbox(Communicator::borrow_world());
  const RankContext context{*mailbox, config, map, images, false};
  test::ScriptedSampler sampler = make_sampler(config, script);
  head = std::make_unique<Head>(context, resolved);
  std::thread policy([&, held = std::move(sampler)]() mutable {
    mpi.guard("rollout", [&] { return run_sampler(context, std::move(held)), 0; });
  });
  const int code = mpi.guard("head", [&] { return head->run(stop_requested); });
  policy.join();
  return code;
}

}  // namespace

int main(int argc, char** argv) try {
  std::string script, help;
  SettingList own;
  own.add("script.file", script, "rules of what the policy says");
  RunConfig config;
  const JobDescription job{
      "scripted_server", "Serves what a script says over HTTP.", {"run", "model", "http", "rollout", "session"}};
  if (!parse(argc, argv, job, config, help, &own)) {
    std::cout << help;
    return 0;
  }
  const std::string resolved = to_ini(job, config, &own);
  MpiEnvironment mpi(argc, argv);
  return mpi.guard("start", [&] { return serve(mpi, config, resolved, script); });
} catch (const std::exception& error) {
  std::cerr << "scripted_server: " << error.what() << std::endl;
  return 1;
}
