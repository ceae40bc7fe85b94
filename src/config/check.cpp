// Settings that are fine alone and wrong together.

#include <algorithm>
#include <cstdlib>

#include "config/parse.hpp"
#include "core/error.hpp"

namespace clawrl {
namespace {

bool uses_topk(const std::string& method) {
  return method.ends_with("_topk");
}

void check_roles(const RoleConfig& roles) {
  const bool none = roles.trainers == 0 && roles.rollouts == 0 && roles.prms == 0;
  const bool all = roles.trainers > 0 && roles.rollouts > 0 && roles.prms > 0;
  require(none || all, "roles.trainers, roles.rollouts and roles.prms are given together (each >= 1) or not at all");
}

void check_samples(const SamplesConfig& samples, const PrmConfig& prm) {
  require(samples.replay <= samples.replay_window,
          "samples.replay = " + std::to_string(samples.replay) + " is larger than samples.replay_window = " +
              std::to_string(samples.replay_window) + ": allowed is 0..samples.replay_window");
  const bool binary = samples.method == "binary", combined = samples.method.starts_with("combined");
  require(prm.votes > 0 || !(binary || combined) || samples.reward != "verdict",
          "prm.votes = 0 is not allowed with samples.method = " + samples.method +
              ": at least 1, or another samples.reward than verdict");
  require(!combined || samples.w_binary > 0 || samples.w_opd > 0,
          "samples.w_binary and samples.w_opd are both 0: nothing would be trained, one must be above 0");
  require(!prm.teacher.empty(), "prm.teacher is empty: policy, base, or a model folder");
  const bool opd = samples.method == "opd" || samples.method == "opd_topk";
  require(!opd || (!samples.severity && !samples.localise_errors && !samples.spare_end),
          "samples.severity, samples.localise_errors and samples.spare_end have no effect with samples.method = " +
              samples.method + ": they need a method with a binary term");
  const bool no_topk = binary || samples.method == "opd" || samples.method == "combined";  // others may have a term
  require(samples.topk_loss == SamplesConfig().topk_loss || !no_topk,
          "samples.topk_loss = " + samples.topk_loss + " has no effect with samples.method = " + samples.method +
              ": it needs a method with a top-k term");
  require(samples.opd_clip == SamplesConfig().opd_clip || samples.topk_loss == "clipped",
          "samples.opd_clip has no effect with samples.topk_loss = " + samples.topk_loss + ": it needs clipped");
  require(!samples.baseline_per_user || samples.baseline == "running",
          "samples.baseline_per_user = true needs samples.baseline = running");
  require(!samples.baseline_per_step || samples.baseline == "running",
          "samples.baseline_per_step = true needs samples.baseline = running");
  require(!opd || samples.baseline != "group", "samples.baseline = group has no effect with samples.method = " +
                                                   samples.method + ": it needs a method with a binary term");
  require(samples.group_wait_s == SamplesConfig().group_wait_s || samples.baseline == "group",
          "samples.group_wait_s has no effect with samples.baseline = " + samples.baseline + ": it needs group");
  const FeedbackWeighting& weighting = samples.weighting;
  require(weighting.trusted_after <= weighting.memory,
          "feedback.trusted_after = " + std::to_string(weighting.trusted_after) + " is above feedback.memory = " +
              std::to_string(weighting.memory) + ": so much is not remembered, nobody would ever be trusted");
  require(weighting.trusted_after == 0 || weighting.newcomer_samples <= weighting.memory,
          "feedback.newcomer_samples = " + std::to_string(weighting.newcomer_samples) +
              " is above feedback.memory = " + std::to_string(weighting.memory) +
              ": with feedback.trusted_after a newcomer's votes wait until then, and " + "so much is not remembered");
  require(weighting.daily_cap == 0 || weighting.user_daily_cap <= weighting.daily_cap,
          "feedback.user_daily_cap = " + std::to_string(weighting.user_daily_cap) +
              " is above feedback.daily_cap = " + std::to_string(weighting.daily_cap) + ": it would never be reached");
  require(!samples.baseline_deviation || samples.baseline == "running",
          "samples.baseline_deviation = true needs samples.baseline = running");
}

void check_loss(const LossSettings& loss, const SamplesConfig& samples) {
  require(loss.kl_beta > 0 || loss.kl_estimator == LossSettings().kl_estimator,
          "trainer.kl_estimator = " + loss.kl_estimator + " has no effect: it needs trainer.kl_beta > 0");
  require(
      loss.divergence_clip == 0 || samples.topk_loss == "reverse_kl",
      "trainer.divergence_clip has no effect with samples.topk_loss = " + samples.topk_loss + ": it needs reverse_kl");
}

bool loopback(const std::string& address) {
  return address.starts_with("127.") || address == "::1" || address == "localhost";
}

void check_policy(const RunConfig& config) {
  const PolicyConfig& policy = config.policy;
  const LoraConfig& lora = config.trainer.lora;
  if (!policy.per_user()) {
    require(policy.max_lines == PolicyConfig().max_lines,
            "policy.max_lines has no effect with policy.lines = shared: it needs policy.lines = user or both");
    return;
  }
  const std::string setting = "policy.lines = " + policy.lines;
  require(!policy.stacked() || lora.adapter.empty(),
          setting +
              " begins with fresh adapters, shared and for each user: trainer.lora_adapter must be empty, and "
              "trainer.lora_rank > 0");
  require(lora.rank > 0 || !lora.adapter.empty(), setting + " needs an adapter for each user: trainer.lora_rank > 0" +
                                                      (policy.stacked() ? "" : " or trainer.lora_adapter"));
  require(config.prm.evaluator != "self", "prm.evaluator = self asks the policy's newest version, and with " + setting +
                                              " each user has one: allowed is judge");
}

void check_http(const HttpConfig& http) {
  require(http.max_reading_mb >= http.max_body_mb,
          "http.max_reading_mb = " + std::to_string(http.max_reading_mb) + " is less than http.max_body_mb = " +
              std::to_string(http.max_body_mb) + ": not one such body could be received");
  require(http.tls_certificate.empty() == http.tls_key.empty(),
          "http.tls_certificate and http.tls_key are given together or not at all");
  require(loopback(http.address) || !http.api_key_env.empty() || !http.api_keys_file.empty(),
          "http.address = " + http.address +
              " is not a loopback address: http.api_keys_file or http.api_key_env must say who may ask");
  if (http.api_key_env.empty()) return;
  const char* key = std::getenv(http.api_key_env.c_str());
  require(key && *key, "http.api_key_env = " + http.api_key_env + ": this environment variable is not set");
}

void check_privacy(const PrivacyConfig& privacy) {
  const auto& redact = privacy.redact;
  require(redact.size() == 1 || std::find(redact.begin(), redact.end(), "none") == redact.end(),
          "privacy.redact = none contradicts the other categories beside it: none stands alone");
}

}  // namespace

bool compares_hints(const RunConfig& config) {
  const auto& weighting = config.samples.weighting;
  return config.samples.method != "binary" &&
         (weighting.contradiction_weight < 1 || weighting.most_contradictions < 1 || weighting.trusted_after > 0);
}

std::int32_t recorded_top_k(const RunConfig& config) {
  const auto& samples = config.samples;
  if (samples.method == "binary") return 0;
  const bool overlap = config.prm.hints > 1 && samples.hint_choice != "shortest";
  return uses_topk(samples.method) || overlap || compares_hints(config) ? samples.top_k : 0;
}

LoraConfig served_lora(const RunConfig& config) {
  return config.policy.stacked() ? config.trainer.lora.stacked() : config.trainer.lora;
}

void check(const RunConfig& config) {
  require(config.samples.weighting.silence_weight == 0 || !config.session.judge_without_next_state,
          "feedback.silence_weight and session.judge_without_next_state contradict each other: silence is approval or "
          "is judged; switch one of them off");
  check_roles(config.roles);
  check_samples(config.samples, config.prm);
  check_loss(config.trainer.loss, config.samples);
  check_policy(config);
  check_http(config.http);
  check_privacy(config.privacy);
  require(config.audit.every_versions == 0 || !config.audit.heldout.empty(),
          "audit.every_versions = " + std::to_string(config.audit.every_versions) +
              " needs audit.heldout, the file of cases");
  require(config.audit.every_versions == 0 || config.policy.lines == "shared",
          "audit.every_versions > 0 audits the one line of policy.lines = shared; with " + config.policy.lines +
              " each user has one");
  if (config.run.deterministic) {
    require(config.samples.partial_batch_age_s == 0,
            "run.deterministic = true forbids batches by wall clock: samples.partial_batch_age_s must be 0");
    require(config.checkpoint.every_minutes == 0,
            "run.deterministic = true forbids checkpoints by wall clock: checkpoint.every_minutes must be 0");
  }
  require(config.trainer.lora.rank == 0 || !config.trainer.lora.targets.empty(),
          "trainer.lora_rank > 0 needs at least one of trainer.lora_targets");
  const LoraConfig& lora = config.trainer.lora;
  const bool adapts = lora.rank > 0 || !lora.adapter.empty();
  require(adapts || lora.alpha == LoraConfig().alpha,
          "trainer.lora_alpha has no effect on full weights: it needs trainer.lora_rank > 0 or trainer.lora_adapter");
  require(adapts || lora.targets == LoraConfig().targets,
          "trainer.lora_targets has no effect on full weights: it needs trainer.lora_rank > 0 or trainer.lora_adapter");
  const auto& device = config.model.device;
  require(device == "cpu" || device == "cuda" ||
              (device.starts_with("cuda:") && device.size() > 5 &&
               device.find_first_not_of("0123456789", 5) == std::string::npos),
          "setting model.device = '" + device + "' is not allowed: cpu, cuda or cuda:N");
}

}  // namespace clawrl
