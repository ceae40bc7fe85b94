#pragma once
// Every setting of a run, one plain struct per stage. Names in INI files and on the command line are <section>.<field>;
// docs/configuration.md is the table, describe.cpp gives each its help and range.

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "trainer/learner.hpp"

namespace clawrl {

struct GeneralConfig {
  std::string out;      // folder of everything the run writes; empty = out/<job>
  std::string journal;  // journal file; empty = <out>/journal.sqlite
  std::uint64_t seed = 1;
  std::string unrecorded = "serve";  // when the journal fails: serve, refuse
  bool deterministic = false;        // same journal, same bits
  bool resume = false;               // go on from the newest complete checkpoint and the journal in `out`
  std::string replay;                // journal whose steps are replayed; empty = none
  std::int64_t max_steps = 0;        // stop after so many optimiser steps; 0 = no limit
  std::int32_t threads = 1;          // compute threads per rank
};

struct ModelFolders {
  std::string policy = "configs/models/policy";
  std::string prm = "configs/models/prm";
  std::string name = "clawrl-demo";  // what /v1/models says
  std::string device = "cpu";        // cpu, cuda or cuda:N
  std::string chat_template;         // file instead of the policy folder's own template; empty = its own
  std::string tool_format = "auto";  // how the policy writes tool calls: auto, none, hermes, llama_json, mistral
  std::string reasoning = "auto";    // does it write <think> blocks: auto, on, off
};

/// Who shares weights with whom (samples/policy_lines.hpp).
struct PolicyConfig {
  /// shared: one policy line for all; user: an adapter for each user; both: each user's on top of a shared one
  std::string lines = "shared";
  std::int32_t max_lines = 64;  // users with an adapter at once; without one: the start weights, or the shared line
  bool per_user() const { return lines != "shared"; }
  bool stacked() const { return lines == "both"; }
};

struct RoleConfig {
  std::int32_t trainers = 0, rollouts = 0, prms = 0;  // groups; all 0 = in proportion to the world size
  std::int32_t ranks_per_group = 1;
  bool dedicated_head = false;
};

struct HttpConfig {
  std::string address = "127.0.0.1";
  std::int32_t port = 30000;
  std::string api_key_env;               // environment variable that holds a key with all roles
  std::string api_keys_file;             // keys by hash, with roles; one of the two is needed beyond loopback
  std::string tls_certificate, tls_key;  // PEM files; both or none
  std::int32_t io_threads = 1;
  std::int32_t max_body_mb = 16;
  std::int32_t max_reading_mb = 256;  // of all bodies that are being received
  std::int32_t max_header_kb = 64;
  std::int32_t max_pipelined_kb = 64;  // of a connection's next requests while one is answered
  std::int32_t max_queued_mb = 4;      // of one reply that its client does not read
  double header_timeout_s = 15;
  double body_timeout_s = 60;
  double idle_timeout_s = 300;
  double write_timeout_s = 120;
  double keepalive_s = 3;  // silence before a stream gets an empty chunk
  std::int32_t max_connections = 4096;
  std::int32_t max_requests = 4096;       // under way at once; 0 = no limit
  std::int32_t max_requests_per_key = 0;  // likewise of one key
  double key_requests_per_minute = 0;     // 0 = no limit
  std::int32_t max_queue = 1024;          // generations in the house before 429
};

struct RolloutConfig {
  std::int32_t block_size = 16;       // tokens per KV block
  std::int32_t blocks = 4096;         // KV blocks per rank
  std::int32_t max_batch = 64;        // sequences per step
  std::int32_t prefill_budget = 256;  // prompt tokens per step
  std::int32_t max_context = 0;       // tokens; 0 = the model's
  double temperature = 1.0;           // when the client gives none
  std::int32_t max_tokens = 256;      // when the client gives none
  std::string dtype = "fp32";         // of the policy's matrices: fp32, bf16
  std::string generation = "plain";   // a registered rule: how learning turns are sampled
};

struct PrmConfig {
  std::int32_t votes = 3;
  double temperature = 0.6;  // of votes and hints
  std::int32_t hints = 1;    // candidates per turn
  std::int32_t max_tokens = 48;
  std::string evaluator = "judge";  // judge (model.prm), self (the policy's newest version is asked)
  std::string teacher = "policy";   // policy (its newest version), base (version 0), else a model folder
  double timeout_s = 120;           // per turn
  std::string template_arguments;   // JSON object for the judge's chat template; empty = none
  std::string dtype = "fp32";       // of the judge's and the teacher's matrices: fp32, bf16
  std::int32_t task_words = 12, reply_words = 24, next_words = 80;  // what the judge sees of each part
};

/// How much of an influence feedback has, by who gives it (samples/feedback_weight.hpp). All of it is off here.
struct FeedbackWeighting {
  double silence_weight = 0;          // of a turn whose session ended without a word: a weak approval; 0 = none
  double contradiction_weight = 1;    // of what is the opposite of what the user said before
  double most_contradictions = 1;     // share of a user's newest feedback; above it the user is not learned from
  double repetition_weight = 1;       // once more for every time that the user said the same
  std::int32_t trusted_after = 0;     // evidence (hint 1, praise 4, against -4) until which wishes wait; 0 = none wait
  double posing_weight = 1;           // of words that hold marks of the judge's answers
  std::int32_t newcomer_samples = 0;  // a user's k-th sample counts k / so many until then, or waits; 0 = neither
  std::int32_t memory = 32;           // newest statements of a user that are compared
  double user_daily_cap = 0;          // samples of one user a day, by weight; 0 = no cap
  double daily_cap = 0;               // samples of all users a day, by weight; 0 = no cap
};

struct SamplesConfig {
  std::string method = "combined_topk";  // a registered advantage
  std::string reward = "verdict";        // a registered reward: r of the binary term
  double w_binary = 1, w_opd = 1;
  std::int32_t top_k = 4;
  double opd_clip = 1.0;                         // bound of |log pi_T - log pi_old| in the top-k form
  std::string hint_choice = "sequence";          // sequence, token, shortest
  std::string subset = "student";                // student, teacher, overlap
  std::string topk_loss = "reverse_kl";          // reverse_kl (k + 1 bins), clipped (surrogate per candidate)
  bool severity = false;                         // errors are graded, the binary term follows the grade
  double severity_low = 0.5, severity_high = 2;  // its factor at a slight and at a grave error
  bool localise_errors = false;                  // the binary term spares what stands before the error
  bool spare_end = false;                        // the binary term does not punish the end token
  std::string baseline = "none";                 // none, running, group
  double baseline_half_life = 20;                // turns
  bool baseline_per_user = false;                // a running baseline for each user
  bool baseline_deviation = false;               // also divide by the running deviation
  bool baseline_per_step = false;                // a running baseline for each step of an episode
  double group_wait_s = 600;                     // from a group's first verdict on the others' may come; 0 = at once
  std::int32_t batch = 4;                        // fresh samples per optimiser step
  std::int32_t replay = 0;                       // samples of the window mixed into each step
  std::int32_t replay_window = 64;               // newest used samples that may be replayed
  std::int32_t smallest_step = 1;                // samples that a step has at least, fresh and replayed
  double partial_batch_age_s = 2;                // a smaller batch goes when its oldest sample is this old; 0 = never
  std::int32_t max_staleness = 16;               // versions
  std::int32_t feedback_staleness = 64;  // versions, of samples from explicit feedback, which may come days later
  std::int32_t max_tokens = 1024;        // prompt and response; longer = excluded(too_long)
  FeedbackWeighting weighting = {};
};

struct TrainerConfig {
  OptimizerSettings optimizer{.learning_rate = 1e-5};
  LossSettings loss{.importance_cap = 0};
  LoraConfig lora;
  std::string dtype = "fp32";  // that forward and backward see of the matrices; what is trained stays fp32
};

struct WeightsConfig {
  std::int64_t chunk_bytes = std::int64_t{1} << 20;
  std::int32_t keep_versions = 2;  // published versions a rank may hold
};

struct CheckpointConfig {
  std::int64_t every_steps = 10;  // 0 = only by time and at the end
  double every_minutes = 0;       // 0 = off
  std::int32_t keep_last = 3;
  std::int64_t keep_every = 0;  // also keep those whose step is a multiple; 0 = none
  bool strict = false;          // resume: a damaged file ends the run instead of using the one before
};

struct SessionConfig {
  double idle_s = 1800;  // after it the session is over and its last turn is closed
  bool judge_without_next_state = true;
  double remember_s = 86400;        // a later request still finds its session for so long
  std::int64_t max_turns = 200000;  // known at once, of all sessions
};

struct PrivacyConfig {
  std::vector<std::string> redact = {"api_key", "token", "private_key", "password",   "email",
                                     "phone",   "iban",  "card",        "national_id"};  // or none
  std::string patterns_file;                                                             // own regexes; empty = none
  std::string learning = "learn";   // learn, store, off: where neither key, session nor request says
  std::int32_t retention_days = 0;  // 0 = for ever
};

struct FeedbackConfig {
  bool credit_messages = true;    // "your tip from Monday worked" in a chat message credits the turn it speaks of
  double credit_threshold = 0.6;  // confidence from which a turn is credited that was not named by id or index
};

/// Held-out cases that versions are scored on while the run learns (roles/audit_desk.hpp).
struct AuditConfig {
  std::string heldout;              // JSONL file of cases (audit/held_out.hpp); empty = none
  std::int32_t every_versions = 0;  // an audit of every so many announced versions; 0 = none
  double quiet_s = 30;              // the newest is audited, too, once nothing was learned for so long; 0 = not
  std::int32_t cases = 50;          // of each set; the same ones in every audit
  double margin = 0.1;              // by so much may the share of passed cases of a set fall
  std::int32_t concurrency = 4;     // cases under way at once
  double patience_s = 30;           // so long a case waits for a rank that serves no client
};

/// Oldest usable sample in versions.
inline std::int32_t max_staleness(const SamplesConfig& samples, bool feedback) {
  return feedback ? std::max(samples.max_staleness, samples.feedback_staleness) : samples.max_staleness;
}

struct RunConfig {
  GeneralConfig run;
  ModelFolders model;
  PolicyConfig policy;
  RoleConfig roles;
  HttpConfig http;
  RolloutConfig rollout;
  PrmConfig prm;
  SamplesConfig samples;
  TrainerConfig trainer;
  WeightsConfig weights;
  CheckpointConfig checkpoint;
  SessionConfig session;
  PrivacyConfig privacy;
  FeedbackConfig feedback;
  AuditConfig audit;
};

/// Whether a hint is compared with the user's earlier ones.
bool compares_hints(const RunConfig& config);

/// Top-k width the engine must record with every learning turn: samples.top_k when the method, the hint choice or the
/// comparison of hints needs it, else 0.
std::int32_t recorded_top_k(const RunConfig& config);

/// The adapter that is published and sampled from: trainer.lora, or with policy.lines = both two of them stacked.
LoraConfig served_lora(const RunConfig& config);

}  // namespace clawrl
