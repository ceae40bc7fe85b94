#include <fstream>
#include <sstream>

#include "config/parse.hpp"
#include "core/error.hpp"
#include "support/catch.hpp"

using namespace clawrl;

namespace {

const JobDescription kJob{"online_rl",
                          "serve and learn",
                          {"run", "model", "policy", "roles", "http", "rollout", "prm", "samples", "trainer", "weights",
                           "checkpoint", "session"}};

RunConfig parsed(std::vector<const char*> arguments, const JobDescription& job = kJob) {
  arguments.insert(arguments.begin(), job.name.c_str());
  RunConfig config;
  std::string help;
  const bool goes_on = parse(static_cast<int>(arguments.size()), arguments.data(), job, config, help);
  CHECK(goes_on);
  return config;
}

std::string refusal(std::vector<const char*> arguments, const JobDescription& job = kJob) {
  try {
    parsed(std::move(arguments), job);
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

std::string write_ini(const std::string& name, const std::string& text) {
  std::ofstream(name) << text;
  return "--config=" + name;
}

void mentions(const std::string& text, const std::vector<std::string>& parts) {
  for (const auto& part : parts) {
    INFO("looking for: " << part << "\nin: " << text.substr(0, 500));
    CHECK(text.find(part) != std::string::npos);
  }
}

}  // namespace

TEST_CASE("defaults, file and command line in rising order") {
  const auto file =
      write_ini("order.ini", "# demo\n[samples]\nbatch = 8\ntop_k=2\n[run]\nseed = 7\n[weights]\nchunk_bytes = 2M\n");
  const auto config =
      parsed({file.c_str(), "--samples.batch=16", "--port", "0", "--resume", "--run.deterministic=off"});
  CHECK(config.samples.batch == 16);
  CHECK(config.samples.top_k == 2);
  CHECK(config.run.seed == 7);
  CHECK(config.weights.chunk_bytes == 2 << 20);
  CHECK(config.http.port == 0);
  CHECK(config.run.resume);
  CHECK_FALSE(config.run.deterministic);
  CHECK(config.run.out == "out/online_rl");
  CHECK(config.run.journal == "out/online_rl/journal.sqlite");
  CHECK(config.trainer.optimizer.learning_rate == 1e-5);
  CHECK(config.trainer.loss.importance_cap == 0);
}

TEST_CASE("the resolved configuration reads back as the same values") {
  const auto config =
      parsed({"--trainer.learning_rate=0.00030000000000000003", "--run.seed=18446744073709551615",
              "--out=some where/else", "--trainer.lora_targets=q_proj, v_proj", "--method=opd", "--trainer.lora_rank=4",
              "--trainer.lora_alpha=0.1", "--run.deterministic", "--prm.hints=3"});
  const std::string text = to_ini(kJob, config);
  const auto again = parsed({write_ini("again.ini", text).c_str()});
  CHECK(to_ini(kJob, again) == text);
  CHECK(again.trainer.optimizer.learning_rate == 0.00030000000000000003);
  CHECK(again.run.seed == 18446744073709551615ULL);
  CHECK(again.run.out == "some where/else");
  CHECK(again.trainer.lora.targets == std::vector<std::string>{"q_proj", "v_proj"});
  CHECK(again.trainer.lora.alpha == 0.1F);
  CHECK(again.samples.partial_batch_age_s == 0);
}

TEST_CASE("the committed configurations are accepted") {
  for (const std::string name : {"basic", "cluster", "ci"}) {
    const auto config = parsed({("--config=" CLAWRL_SOURCE_DIR "/configs/" + name + "/online_rl.ini").c_str()});
    CHECK(config.samples.method == "combined_topk");
    CHECK(config.run.deterministic == (name == "ci"));
  }
}

TEST_CASE("docs/configuration.md lists every setting with its default") {
  std::ifstream stream(CLAWRL_SOURCE_DIR "/docs/configuration.md");
  std::ostringstream text;
  text << stream.rdbuf();
  const std::string page = text.str();
  RunConfig config;
  const SettingList list = describe(config, kJob.methods);
  for (const auto& setting : list.all()) {
    const std::string value = setting.get();
    mentions(page, {"| `" + setting.name + "` | " + (value.empty() ? "" : "`" + value + "`") + " |"});
  }
}

TEST_CASE("bad settings are refused by name with what is allowed") {
  mentions(refusal({"--samples.method=magic"}), {"samples.method", "magic", "binary", "combined_topk"});
  mentions(refusal({"--http.port=70000"}), {"http.port", "0..65535"});
  mentions(refusal({"--samples.replay_window=-1"}), {"samples.replay_window", "0.."});
  mentions(refusal({"--checkpoint.keep_last=0"}), {"checkpoint.keep_last", "1.."});
  mentions(refusal({"--samples.batch=4x"}), {"samples.batch", "4x"});
  mentions(refusal({"--samples.batch=99999999999999999999"}), {"samples.batch"});
  mentions(refusal({"--trainer.learning_rate=nan"}), {"trainer.learning_rate"});
  mentions(refusal({"--run.out=a#b"}), {"run.out", "#"});
  mentions(refusal({"--run.resume=maybe"}), {"run.resume", "true or false"});
  mentions(refusal({"--samples.bach=4"}), {"samples.bach", "samples.batch"});
  mentions(refusal({"--port=1", "--http.port=2"}), {"http.port", "twice"});
  mentions(refusal({"stray"}), {"stray"});
  mentions(refusal({"--config=no_such.ini"}), {"no_such.ini"});
  mentions(refusal({write_ini("bad.ini", "[nothing]\nx = 1\n").c_str()}), {"nothing.x", "bad.ini", "samples"});
  mentions(refusal({"--trainer.kl_estimator=k4"}), {"trainer.kl_estimator", "k4", "k1, k2, k3"});
  mentions(refusal({"--model.device=gpu"}), {"model.device", "cuda:N"});
}

TEST_CASE("policy lines per user need an adapter, and a judge of their own") {
  CHECK(parsed({}).policy.lines == "shared");
  CHECK(parsed({"--policy.lines=user", "--trainer.lora_rank=8", "--policy.max_lines=5"}).policy.max_lines == 5);
  mentions(refusal({"--policy.lines=all"}), {"policy.lines", "shared", "user", "both"});
  mentions(refusal({"--policy.lines=user"}), {"policy.lines = user", "trainer.lora_rank"});
  mentions(refusal({"--policy.max_lines=5"}), {"policy.max_lines", "policy.lines = user"});
  mentions(refusal({"--policy.lines=user", "--trainer.lora_rank=8", "--prm.evaluator=self"}),
           {"prm.evaluator", "policy.lines", "judge"});
}

TEST_CASE("with both, the adapters begin fresh, and what is served has twice their rank and the same scale") {
  const RunConfig user = parsed({"--policy.lines=user", "--trainer.lora_rank=8"}),
                  both = parsed({"--policy.lines=both", "--trainer.lora_rank=8", "--policy.max_lines=5"});
  CHECK(served_lora(user).rank == 8);
  CHECK(served_lora(both).rank == 16);
  CHECK(served_lora(both).scaling() == both.trainer.lora.scaling());
  mentions(refusal({"--policy.lines=both"}), {"policy.lines = both", "trainer.lora_rank"});
  mentions(refusal({"--policy.lines=both", "--trainer.lora_adapter=some/folder"}),
           {"policy.lines = both", "trainer.lora_adapter", "trainer.lora_rank"});
  mentions(refusal({"--policy.lines=both", "--trainer.lora_rank=8", "--prm.evaluator=self"}),
           {"prm.evaluator", "policy.lines = both", "judge"});
}

TEST_CASE("the teacher is the policy, its base, or a folder") {
  CHECK(parsed({}).prm.teacher == "policy");
  CHECK(parsed({"--prm.teacher=newest"}).prm.teacher == "policy");
  CHECK(parsed({"--prm.teacher=models/big"}).prm.teacher == "models/big");
  mentions(refusal({"--prm.teacher="}), {"prm.teacher"});
  mentions(refusal({"--prm.evaluator=nobody"}), {"prm.evaluator", "judge, self"});
}

TEST_CASE("a job that trains knows its losses; one that does not takes any name in a shared file") {
  JobDescription job = kJob;
  job.losses = {"policy", "sft"};
  CHECK(parsed({"--trainer.loss=sft"}, job).trainer.loss.name == "sft");
  mentions(refusal({"--trainer.loss=polcy"}, job), {"trainer.loss", "polcy", "one of policy, sft"});
  CHECK(parsed({"--trainer.loss=mine"}).trainer.loss.name == "mine");
}

TEST_CASE("contradictory settings are refused") {
  mentions(refusal({"--run.deterministic", "--samples.partial_batch_age_s=2"}),
           {"run.deterministic", "samples.partial_batch_age_s"});
  mentions(refusal({"--run.deterministic", "--checkpoint.every_minutes=5"}), {"checkpoint.every_minutes"});
  mentions(refusal({"--samples.replay=65", "--samples.replay_window=64"}), {"samples.replay_window"});
  mentions(refusal({"--roles.trainers=4"}), {"roles.rollouts", "roles.prms"});
  mentions(refusal({"--prm.votes=0", "--method=binary"}), {"prm.votes"});
  mentions(refusal({"--http.address=0.0.0.0"}), {"http.api_key_env", "http.api_keys_file"});
  mentions(refusal({"--http.api_key_env=NO_SUCH_VARIABLE"}), {"http.api_key_env", "NO_SUCH_VARIABLE"});
  mentions(refusal({"--trainer.lora_alpha=32"}), {"trainer.lora_alpha", "trainer.lora_rank", "trainer.lora_adapter"});
  mentions(refusal({"--trainer.lora_targets=q_proj"}), {"trainer.lora_targets", "trainer.lora_rank"});
  mentions(refusal({"--samples.baseline_per_user"}), {"samples.baseline_per_user", "samples.baseline"});
  mentions(refusal({"--samples.baseline_per_step"}), {"samples.baseline_per_step", "samples.baseline"});
  mentions(refusal({"--samples.baseline=group", "--method=opd"}), {"samples.baseline", "group", "opd"});
  mentions(refusal({"--samples.group_wait_s=5"}), {"samples.group_wait_s", "samples.baseline", "group"});
  mentions(refusal({"--samples.baseline=group", "--samples.group_wait_s=-1"}), {"samples.group_wait_s", "0.."});
  mentions(refusal({"--samples.baseline=group", "--samples.baseline_deviation"}), {"samples.baseline_deviation"});
  CHECK(parsed({"--samples.baseline=group", "--samples.group_wait_s=0"}).samples.group_wait_s == 0);
  JobDescription whole = kJob;
  whole.sections.push_back("feedback");
  mentions(refusal({"--feedback.silence_weight=0.1", "--session.judge_without_next_state"}, whole),
           {"feedback.silence_weight", "session.judge_without_next_state"});
  mentions(refusal({"--feedback.user_daily_cap=9", "--feedback.daily_cap=5"}, whole), {"feedback.daily_cap"});
  mentions(refusal({"--feedback.trusted_after=5", "--feedback.memory=4"}, whole),
           {"feedback.trusted_after", "feedback.memory", "4"});
  mentions(refusal({"--feedback.trusted_after=2", "--feedback.newcomer_samples=5", "--feedback.memory=4"}, whole),
           {"feedback.newcomer_samples", "feedback.memory", "4"});
  mentions(refusal({"--samples.smallest_step=0"}, whole), {"samples.smallest_step", "1.."});
  mentions(refusal({"--feedback.repetition_weight=2"}, whole), {"feedback.repetition_weight", "0..1"});
  whole.sections.push_back("audit");
  mentions(refusal({"--audit.every_versions=10"}, whole), {"audit.every_versions", "audit.heldout"});
  CHECK(parsed({"--audit.every_versions=10", "--audit.heldout=cases.jsonl"}, whole).audit.every_versions == 10);
  whole.sections.push_back("policy");
  mentions(refusal({"--audit.every_versions=10", "--audit.heldout=cases.jsonl", "--policy.lines=user",
                    "--trainer.lora_rank=4"},
                   whole),
           {"audit.every_versions", "policy.lines"});
  mentions(refusal({"--samples.severity", "--method=opd"}), {"samples.severity", "opd"});
  mentions(refusal({"--samples.localise_errors", "--method=opd_topk"}), {"samples.localise_errors", "opd_topk"});
  mentions(refusal({"--samples.spare_end", "--method=opd"}), {"samples.spare_end", "opd"});
  mentions(refusal({"--samples.severity_high=0.5"}), {"samples.severity_high", "1..100"});
  mentions(refusal({"--samples.topk_loss=clipped", "--method=combined"}), {"samples.topk_loss", "combined"});
  mentions(refusal({"--samples.opd_clip=2"}), {"samples.opd_clip", "clipped"});
  CHECK(parsed({"--samples.topk_loss=clipped", "--method=opd_topk", "--samples.opd_clip=2"}).samples.topk_loss ==
        "clipped");
  mentions(refusal({"--trainer.divergence_clip=1", "--samples.topk_loss=clipped"}),
           {"trainer.divergence_clip", "reverse_kl"});
  mentions(refusal({"--trainer.kl_estimator=k1"}), {"trainer.kl_estimator", "trainer.kl_beta"});
  mentions(refusal({"--samples.w_binary=0", "--samples.w_opd=0"}), {"samples.w_binary", "samples.w_opd"});
}

TEST_CASE("a job takes its sections only, and settings of its own") {
  const JobDescription job{"sft", "supervised training", {"run", "model", "trainer"}};
  mentions(refusal({"--http.port=1"}, job), {"http.port", "sft"});
  const auto shared = write_ini("shared.ini", "[http]\nport = 31000\n[run]\nseed = 3\n[sft]\nsteps = 12\n");
  std::int64_t steps = 100;
  SettingList own;
  own.add("sft.steps", steps, "optimiser steps", at_least(1));
  RunConfig config;
  std::string help;
  const char* arguments[] = {"sft", shared.c_str()};
  REQUIRE(parse(2, arguments, job, config, help, &own));
  CHECK(steps == 12);
  CHECK(config.run.seed == 3);
  CHECK(to_ini(job, config, &own).find("[sft]\nsteps = 12") != std::string::npos);

  const char* ask[] = {"sft", "--help"};
  REQUIRE_FALSE(parse(2, ask, job, config, help, &own));
  mentions(help, {"--sft.steps = 12", "--run.out, --out", "trainer.learning_rate"});
  CHECK(help.find("http.port") == std::string::npos);
}

TEST_CASE("registered methods widen what samples.method may be") {
  JobDescription job = kJob;
  job.methods.push_back("my_method");
  CHECK(parsed({"--method=my_method"}, job).samples.method == "my_method");
}

TEST_CASE("top-k is recorded only where it is needed") {
  CHECK(recorded_top_k(parsed({"--method=binary", "--prm.hints=3"})) == 0);
  CHECK(recorded_top_k(parsed({"--method=opd"})) == 0);
  CHECK(recorded_top_k(parsed({"--method=opd", "--prm.hints=2"})) == 4);
  CHECK(recorded_top_k(parsed({"--method=opd", "--prm.hints=2", "--samples.hint_choice=shortest"})) == 0);
  CHECK(recorded_top_k(parsed({"--method=combined_topk", "--samples.top_k=8"})) == 8);
  JobDescription whole = kJob;
  whole.sections.push_back("feedback");
  CHECK(recorded_top_k(parsed({"--method=opd", "--feedback.most_contradictions=0.2"}, whole)) ==
        4);  // hints are compared
  CHECK(recorded_top_k(parsed({"--method=binary", "--feedback.most_contradictions=0.2"}, whole)) == 0);
}
