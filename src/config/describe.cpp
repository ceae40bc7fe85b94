// The one table of settings: name, field, help, range.

#include "config/parse.hpp"

namespace clawrl {
namespace {

void describe_start(SettingList& list, RunConfig& c) {
  list.add("run.out", c.run.out, "folder of everything the run writes (default out/<job>)");
  list.add("run.journal", c.run.journal, "journal file, on a local disk (default <out>/journal.sqlite)");
  list.add("run.unrecorded", c.run.unrecorded, "requests when the journal has failed: answered unrecorded, or 503",
           {"serve", "refuse"});
  list.add("run.seed", c.run.seed, "seed of everything random");
  list.add("run.deterministic", c.run.deterministic, "two runs from the same journal give the same bits");
  list.add("run.resume", c.run.resume, "go on from the newest checkpoint and the journal in run.out");
  list.add("run.replay", c.run.replay, "journal whose completions, verdicts and steps are replayed");
  list.add("run.max_steps", c.run.max_steps, "stop after so many optimiser steps, 0 = no limit", at_least(0));
  list.add("run.threads", c.run.threads, "compute threads per rank", between(1, 1024));
  list.add("model.policy", c.model.policy, "Hugging Face folder of the policy");
  list.add("model.prm", c.model.prm, "Hugging Face folder of the judge");
  list.add("model.name", c.model.name, "model name that clients see");
  list.add("model.device", c.model.device, "cpu, cuda or cuda:N");
  list.add("model.chat_template", c.model.chat_template, "Jinja file instead of the policy's own chat template");
  list.add("model.tool_format", c.model.tool_format, "how the policy writes tool calls, auto = as its template does",
           {"auto", "none", "hermes", "llama_json", "mistral"});
  list.add("model.reasoning", c.model.reasoning, "does the policy write think blocks, auto = as its template does",
           {"auto", "on", "off"});
  list.add(
      "policy.lines", c.policy.lines,
      "one policy line for all, an adapter for each user (API key and `user`), or both: the user's on the shared one",
      {"shared", "user", "both"});
  list.add("policy.max_lines", c.policy.max_lines,
           "users with an adapter at once; further ones get the start weights, with both the shared line",
           between(1, 65536));
  list.add("roles.trainers", c.roles.trainers, "trainer groups, 0 = in proportion", between(0, 1e6));
  list.add("roles.rollouts", c.roles.rollouts, "rollout groups, 0 = in proportion", between(0, 1e6));
  list.add("roles.prms", c.roles.prms, "PRM groups, 0 = in proportion", between(0, 1e6));
  list.add("roles.ranks_per_group", c.roles.ranks_per_group, "ranks of one group", between(1, 1024));
  list.add("roles.dedicated_head", c.roles.dedicated_head, "rank 0 plays no other role");
}

void describe_serving(SettingList& list, RunConfig& c, const std::vector<std::string>& generations) {
  list.add("http.address", c.http.address, "address to listen on");
  list.add("http.port", c.http.port, "port, 0 = any free one", between(0, 65535));
  list.add("http.api_key_env", c.http.api_key_env, "environment variable with a key that may do all");
  list.add("http.api_keys_file", c.http.api_keys_file, "file of API keys by hash, with roles (docs/api.md)");
  list.add("http.tls_certificate", c.http.tls_certificate, "PEM file of the certificate chain; with it TLS is spoken");
  list.add("http.tls_key", c.http.tls_key, "PEM file of the certificate's private key");
  list.add("http.io_threads", c.http.io_threads, "threads that serve connections", between(1, 64));
  list.add("http.max_body_mb", c.http.max_body_mb, "largest request body in MiB", between(1, 1024));
  list.add("http.max_reading_mb", c.http.max_reading_mb, "all bodies that are being received, in MiB",
           between(1, 1 << 20));
  list.add("http.max_header_kb", c.http.max_header_kb, "largest request header in KiB", between(4, 1024));
  list.add("http.max_pipelined_kb", c.http.max_pipelined_kb, "next requests kept while one is answered, in KiB",
           between(16, 65536));
  list.add("http.max_queued_mb", c.http.max_queued_mb, "a reader with more of its reply waiting, in MiB, is cut off",
           between(1, 1024));
  list.add("http.header_timeout_s", c.http.header_timeout_s, "a request's header must arrive within",
           between(0.1, 3600));
  list.add("http.body_timeout_s", c.http.body_timeout_s, "a request's body must arrive within", between(0.1, 3600));
  list.add("http.idle_timeout_s", c.http.idle_timeout_s, "an idle connection is closed after", between(0.1, 86400));
  list.add("http.write_timeout_s", c.http.write_timeout_s, "a client that takes no byte of its reply is cut off after",
           between(0.1, 86400));
  list.add("http.keepalive_s", c.http.keepalive_s, "a silent stream gets an empty chunk after", between(0.1, 3600));
  list.add("http.max_connections", c.http.max_connections, "open connections", between(1, 1e6));
  list.add("http.max_requests", c.http.max_requests, "requests at once before 429, 0 = no limit", between(0, 1e6));
  list.add("http.max_requests_per_key", c.http.max_requests_per_key, "of one key at once before 429, 0 = no limit",
           between(0, 1e6));
  list.add("http.key_requests_per_minute", c.http.key_requests_per_minute,
           "of one key per minute before 429, 0 = no limit", between(0, 1e6));
  list.add("http.max_queue", c.http.max_queue, "replies under way or waiting before 429", between(1, 1e6));
  list.add("rollout.block_size", c.rollout.block_size, "tokens per KV block", between(1, 1024));
  list.add("rollout.blocks", c.rollout.blocks, "KV blocks per rank", at_least(1));
  list.add("rollout.max_batch", c.rollout.max_batch, "sequences per step", between(1, 65536));
  list.add("rollout.prefill_budget", c.rollout.prefill_budget, "prompt tokens per step", at_least(1));
  list.add("rollout.max_context", c.rollout.max_context, "longest prompt and reply, 0 = the model's", at_least(0));
  list.add("rollout.temperature", c.rollout.temperature, "when the client gives none", between(0, 2));
  list.add("rollout.max_tokens", c.rollout.max_tokens, "reply tokens when the client gives none", at_least(1));
  list.add("rollout.dtype", c.rollout.dtype, "stored type of the policy's matrices", {"fp32", "bf16"});
  list.add("rollout.generation", c.rollout.generation,
           "a registered rule: how turns that may be learned from are sampled", generations);
  list.add("session.idle_s", c.session.idle_s, "a session ends after so long without a request", between(0.01, 1e7));
  list.add("session.judge_without_next_state", c.session.judge_without_next_state,
           "judge the last turn of an ended session although nothing followed it");
  list.add("session.remember_s", c.session.remember_s, "a late request still finds its session for so long",
           between(0.01, 1e8));
  list.add("session.max_turns", c.session.max_turns,
           "turns that requests can go on from; the quietest sessions go first", between(100, 1e7));
  list.add("feedback.credit_messages", c.feedback.credit_messages,
           "a chat message like 'your tip from Monday worked' credits the turn that it speaks of");
  list.add("feedback.credit_threshold", c.feedback.credit_threshold,
           "confidence from which a turn is credited that was not named", between(0, 1));
  auto& w = c.samples.weighting;
  list.add("feedback.silence_weight", w.silence_weight,
           "weight of a turn that nobody answered, as an approval, 0 = it teaches nothing", between(0, 1));
  list.add("feedback.contradiction_weight", w.contradiction_weight,
           "weight of feedback that says the opposite of what the user said before, 1 = off", between(0, 1));
  list.add("feedback.most_contradictions", w.most_contradictions,
           "a user is not learned from while a larger share of their newest feedback is such, 1 = off", between(0, 1));
  list.add("feedback.repetition_weight", w.repetition_weight,
           "weight per repetition of the same feedback by the same user, 1 = off", between(0, 1));
  list.add(
      "feedback.trusted_after", w.trusted_after,
      "words of a user who has had a hint wait until so much agreed with it (a hint 1, praise 4, what contradicts -4), "
      "0 = none waits",
      between(0, 10000));
  list.add("feedback.posing_weight", w.posing_weight,
           "weight of a user's words that hold a vote, a hint or a chat template's marks, 1 = off", between(0, 1));
  list.add(
      "feedback.newcomer_samples", w.newcomer_samples,
      "a user's k-th sample weighs k / this until then, and with feedback.trusted_after the votes of who has said less "
      "wait, 0 = neither",
      between(0, 10000));
  list.add("feedback.memory", w.memory, "newest feedback of a user that is compared", between(1, 10000));
  list.add("feedback.user_daily_cap", w.user_daily_cap, "samples of one user a day, by weight, 0 = no cap",
           between(0, 1e9));
  list.add("feedback.daily_cap", w.daily_cap, "samples of all users a day, by weight, 0 = no cap", between(0, 1e9));
}

void describe_judging(SettingList& list, RunConfig& c, const std::vector<std::string>& methods,
                      const std::vector<std::string>& rewards) {
  list.add("prm.votes", c.prm.votes, "votes per turn", between(0, 64));
  list.add("prm.temperature", c.prm.temperature, "sampling temperature of votes and hints", between(0, 2));
  list.add("prm.hints", c.prm.hints, "hint candidates per turn", between(1, 3));
  list.add("prm.max_tokens", c.prm.max_tokens, "tokens per vote or hint", between(1, 65536));
  list.add("prm.evaluator", c.prm.evaluator, "who votes and writes hints: model.prm, or the policy itself",
           {"judge", "self"});
  list.add("prm.teacher", c.prm.teacher,
           "who scores with the hint: policy (newest version), base (version 0), or a model folder");
  list.add("prm.timeout_s", c.prm.timeout_s, "a turn not judged by then is excluded", between(0.1, 86400));
  list.add("prm.template_arguments", c.prm.template_arguments,
           "JSON object for the judge's chat template, e.g. {\"enable_thinking\":false}");
  list.add("prm.dtype", c.prm.dtype, "stored type of the judge's and teacher's matrices", {"fp32", "bf16"});
  list.add("prm.task_words", c.prm.task_words, "words of the task that the judge sees", between(2, 1e6));
  list.add("prm.reply_words", c.prm.reply_words, "words of the reply that the judge sees", between(2, 1e6));
  list.add("prm.next_words", c.prm.next_words, "words of the next state that the judge sees", between(2, 1e6));
  auto& s = c.samples;
  list.add("samples.method", s.method, "how verdicts become advantages", methods);
  list.add("samples.reward", s.reward, "a registered reward: what a judged turn was worth", rewards);
  list.add("samples.w_binary", s.w_binary, "weight of the binary term", between(0, 1000));
  list.add("samples.w_opd", s.w_opd, "weight of the OPD term", between(0, 1000));
  list.add("samples.top_k", s.top_k, "width of the top-k term", between(1, 64));
  list.add("samples.opd_clip", s.opd_clip, "bound of the teacher - student log-prob difference (top-k)",
           between(1e-3, 100));
  list.add("samples.hint_choice", s.hint_choice, "how one hint is chosen", {"sequence", "token", "shortest"});
  list.add("samples.subset", s.subset, "ids of the top-k term", {"student", "teacher", "overlap"});
  list.add("samples.topk_loss", s.topk_loss, "what the top-k term minimises", {"reverse_kl", "clipped"});
  list.add("samples.severity", s.severity, "the evaluator grades errors and the binary term follows the grade");
  list.add("samples.severity_low", s.severity_low, "factor of the binary term at a slight error", between(0.01, 1));
  list.add("samples.severity_high", s.severity_high, "factor of the binary term at a grave error", between(1, 100));
  list.add("samples.localise_errors", s.localise_errors,
           "the evaluator quotes where it went wrong; tokens before that are not punished");
  list.add("samples.spare_end", s.spare_end,
           "the end token of a bad reply is not punished, so that replies do not grow");
  list.add("samples.baseline", s.baseline, "subtracted from the reward", {"none", "running", "group"});
  list.add("samples.baseline_half_life", s.baseline_half_life, "half-life of the running baseline in turns",
           between(0.1, 1e6));
  list.add("samples.baseline_per_user", s.baseline_per_user, "a running baseline for each user");
  list.add("samples.baseline_deviation", s.baseline_deviation, "also divide by the running deviation");
  list.add("samples.baseline_per_step", s.baseline_per_step, "a running baseline for each step of an episode");
  list.add("samples.group_wait_s", s.group_wait_s,
           "how long the first verdict on one of several choices waits for the others'", between(0, 1e6));
  list.add("samples.batch", s.batch, "fresh samples per optimiser step", between(1, 65536));
  list.add("samples.replay", s.replay, "used samples mixed into each step", between(0, 65536));
  list.add("samples.replay_window", s.replay_window, "newest used samples that may be replayed", between(0, 1e6));
  list.add("samples.smallest_step", s.smallest_step,
           "samples that a step has at least, fresh and replayed ones: until then they wait", between(1, 65536));
  list.add("samples.partial_batch_age_s", s.partial_batch_age_s, "a smaller batch goes at this age, 0 = never",
           between(0, 1e6));
  list.add("samples.max_staleness", s.max_staleness, "oldest usable sample in versions", between(0, 1e6));
  list.add("samples.feedback_staleness", s.feedback_staleness,
           "the same of samples from explicit feedback, where it is larger", between(0, 1e6));
  list.add("samples.max_tokens", s.max_tokens, "longest sample, prompt and reply", between(2, 1e7));
}

void describe_training(SettingList& list, RunConfig& c, const std::vector<std::string>& losses) {
  auto& o = c.trainer.optimizer;
  list.add("trainer.learning_rate", o.learning_rate, "of AdamW, after the warm-up", between(0, 1));
  list.add("trainer.beta1", o.beta1, "of AdamW", between(0, 0.999999));
  list.add("trainer.beta2", o.beta2, "of AdamW", between(0, 0.999999));
  list.add("trainer.eps", o.eps, "of AdamW", between(1e-16, 1));
  list.add("trainer.weight_decay", o.weight_decay, "of AdamW", between(0, 1));
  list.add("trainer.decay_matrices_only", o.decay_matrices_only, "no decay on one-dimensional parameters");
  list.add("trainer.max_grad_norm", o.max_grad_norm, "bound of the global gradient norm", between(1e-6, 1e6));
  list.add("trainer.warmup_steps", o.warmup_steps, "steps of linear warm-up", between(0, 1e9));
  list.add("trainer.total_steps", o.total_steps, "0 = constant rate, else cosine down to 10 %", at_least(0));
  auto& l = c.trainer.loss;
  list.add("trainer.loss", l.name, "a registered loss: policy, sft, ...", losses);
  list.add("trainer.aggregation", l.aggregation, "mean over tokens or over sequences", {"token_mean", "sequence_mean"});
  list.add("trainer.clip_low", l.clip_low, "lower clip of the ratio", between(0, 1));
  list.add("trainer.clip_high", l.clip_high, "upper clip of the ratio", between(0, 100));
  list.add("trainer.kl_beta", l.kl_beta, "weight of the KL term", between(0, 100));
  list.add("trainer.kl_estimator", l.kl_estimator, "how the KL term is estimated on the sampled tokens",
           {"k1", "k2", "k3"});
  list.add("trainer.importance_cap", l.importance_cap, "cap of the importance weight, 0 = coupled form",
           between(0, 1000));
  list.add("trainer.divergence_clip", l.divergence_clip,
           "bound of the policy - teacher log-prob difference in samples.topk_loss = reverse_kl, 0 = none",
           between(0, 100));
  list.add("trainer.dtype", c.trainer.dtype, "type in which training sees the matrices", {"fp32", "bf16"});
  auto& lora = c.trainer.lora;
  list.add("trainer.lora_rank", lora.rank, "0 = full weights", between(0, 4096));
  list.add("trainer.lora_alpha", lora.alpha, "LoRA scale times rank", between(1e-6, 1e6));
  list.add("trainer.lora_targets", lora.targets, "projections with an adapter",
           {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"});
  list.add("trainer.lora_adapter", lora.adapter,
           "PEFT folder to start from; it gives rank, alpha and targets (empty = fresh)");
}

void describe_keeping(SettingList& list, RunConfig& c) {
  list.add("weights.chunk_bytes", c.weights.chunk_bytes, "bytes per message of a publication", between(1024, 1 << 30));
  list.add("weights.keep_versions", c.weights.keep_versions, "published versions that a rank may hold",
           between(1, 1024));
  list.add("checkpoint.every_steps", c.checkpoint.every_steps, "a checkpoint every so many steps, 0 = not by steps",
           at_least(0));
  list.add("checkpoint.every_minutes", c.checkpoint.every_minutes,
           "a checkpoint every so many minutes, 0 = not by time", at_least(0));
  list.add("checkpoint.keep_last", c.checkpoint.keep_last, "newest checkpoints kept", between(1, 1e6));
  list.add("checkpoint.keep_every", c.checkpoint.keep_every, "also keep those of steps that are multiples, 0 = none",
           at_least(0));
  list.add("checkpoint.strict", c.checkpoint.strict, "a damaged checkpoint ends the resume");
}

void describe_privacy(SettingList& list, PrivacyConfig& privacy) {
  list.add(
      "privacy.redact", privacy.redact, "what is taken out of texts before they are stored; none alone = nothing",
      {"none", "api_key", "token", "private_key", "password", "email", "phone", "iban", "card", "national_id", "ip"});
  list.add("privacy.patterns_file", privacy.patterns_file,
           "own regexes, one a line: category, blanks, regex (PCRE2); empty = none");
  list.add("privacy.learning", privacy.learning,
           "learn, store only, or neither: where key, session and request are silent", {"learn", "store", "off"});
  list.add("privacy.retention_days", privacy.retention_days, "turns older than so many days are deleted, 0 = never",
           between(0, 36500));
}

void describe_audit(SettingList& list, AuditConfig& audit) {
  list.add("audit.heldout", audit.heldout, "JSONL file of held-out cases (docs/audits.md)");
  list.add("audit.every_versions", audit.every_versions, "an audit of every so many announced versions, 0 = none",
           between(0, 1e6));
  list.add("audit.quiet_s", audit.quiet_s,
           "where versions are audited the newest is, too, once nothing was learned for so many seconds, 0 = not",
           between(0, 86400));
  list.add("audit.cases", audit.cases, "cases of each set, the same ones in every audit", between(7, 100000));
  list.add("audit.margin", audit.margin, "by so much may the share of passed cases of a set fall", between(0, 1));
  list.add("audit.concurrency", audit.concurrency, "cases under way at once", between(1, 1024));
  list.add("audit.patience_s", audit.patience_s, "a case waits so long for a rank that serves no client",
           between(0, 86400));
}

}  // namespace

SettingList describe(RunConfig& config, const std::vector<std::string>& methods, const std::vector<std::string>& losses,
                     const std::vector<std::string>& rewards, const std::vector<std::string>& generations) {
  SettingList list;
  describe_start(list, config);
  describe_serving(list, config, generations);
  describe_judging(list, config, methods, rewards);
  describe_training(list, config, losses);
  describe_keeping(list, config);
  describe_privacy(list, config.privacy);
  describe_audit(list, config.audit);
  return list;
}

}  // namespace clawrl
