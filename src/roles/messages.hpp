#pragma once
// Every message between roles. type_id is unique over all ports. What a field means stands at the struct it carries.
//
//   head -> rollout   Generate, Cancel, ScoreText, ScorePrompt,        rollout -> head   Deltas, TextScored,
//                     LoadVersion, UseVersion, RetireVersion                             PromptScored
//   head -> prm       JudgeTurn, LoadVersion, UseVersion,              prm -> head       Judged
//                     RetireVersion
//   head -> trainer   TakeStep, Publish, WriteCheckpoint, Restore,     trainer -> head   StepDone, ShardWritten,
//                     DropLine                                                           Restored
//   trainer -> rollout, prm (port weights)  WeightChunk                rollout, prm -> head  VersionComplete
//   head -> all       Stop                                             all -> head       Ready

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/run_state.hpp"
#include "core/generation.hpp"
#include "core/step_metrics.hpp"
#include "core/turn.hpp"
#include "core/verdict.hpp"
#include "trainer/learner.hpp"

namespace clawrl::messages {

struct Ready {
  static constexpr std::uint16_t type_id = 1;
  std::string role;
  std::string model;  // hash of the weights that the role loaded
  template <class Archive>
  void serialize(Archive& archive) {
    archive(role, model);
  }
};

struct Stop {
  static constexpr std::uint16_t type_id = 2;
  template <class Archive>
  void serialize(Archive&) {}
};

struct Generate {
  static constexpr std::uint16_t type_id = 10;
  GenerateRequest request;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(request);
  }
};

struct Cancel {
  static constexpr std::uint16_t type_id = 11;
  RequestId id;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(id);
  }
};

struct Deltas {
  static constexpr std::uint16_t type_id = 12;
  std::vector<CompletionDelta> deltas;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(deltas);
  }
};

/// What is the loss of these tokens on this version, which is loaded?
struct ScoreText {
  static constexpr std::uint16_t type_id = 16;
  RequestId id;
  std::int64_t version = 0;
  std::vector<TokenId> ids;  // 2 or more
  std::int32_t from = 1;     // first token that counts
  template <class Archive>
  void serialize(Archive& archive) {
    archive(id, version, ids, from);
  }
};

struct TextScored {
  static constexpr std::uint16_t type_id = 17;
  RequestId id;
  double loss = 0;    // mean -log p of ids[from..], nats
  std::string error;  // not empty: there is none
  template <class Archive>
  void serialize(Archive& archive) {
    archive(id, loss, error);
  }
};

/// How likely are the tokens of a prompt? Asked before the prompt's Generate, and so answered before its Deltas.
struct ScorePrompt {
  static constexpr std::uint16_t type_id = 18;
  RequestId id;
  std::optional<std::int64_t> version;  // loaded; nullopt = the newest
  std::vector<TokenId> ids;             // [P], P >= 1
  std::int32_t top_k = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(id, version, ids, top_k);
  }
};

struct PromptScored {
  static constexpr std::uint16_t type_id = 19;
  RequestId id;
  std::vector<float> logprobs;       // [P - 1] of ids[1..], natural log at temperature 1
  std::vector<TokenId> topk_ids;     // [P - 1, K] likeliest first
  std::vector<float> topk_logprobs;  // [P - 1, K]
  std::string error;                 // not empty: there are none
  template <class Archive>
  void serialize(Archive& archive) {
    archive(id, logprobs, topk_ids, topk_logprobs, error);
  }
};

/// What has arrived of this version is visible from now on, for requests that are pinned to it.
struct LoadVersion {
  static constexpr std::uint16_t type_id = 15;
  std::int64_t version = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(version);
  }
};

/// The line's newest version, which is loaded, from now on. With one shared line new sequences and teacher scores take
/// it; with lines per user sequences come with their version.
struct UseVersion {
  static constexpr std::uint16_t type_id = 13;
  std::int64_t version = 0;
  std::string line = "main";
  template <class Archive>
  void serialize(Archive& archive) {
    archive(version, line);
  }
};

struct RetireVersion {
  static constexpr std::uint16_t type_id = 14;
  std::int64_t version = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(version);
  }
};

struct JudgeTurn {
  static constexpr std::uint16_t type_id = 20;
  Turn turn;
  std::int32_t revision = 0;
  GivenVerdict given;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(turn, revision, given);
  }
};

struct Judged {
  static constexpr std::uint16_t type_id = 21;
  Verdict verdict;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(verdict, verdict.hint_agreement);
  }
};

struct TakeStep {
  static constexpr std::uint16_t type_id = 30;
  StepBatch batch;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(batch.step, batch.version, batch.samples, batch.global_active_tokens, batch.global_samples, batch.line,
            batch.line_step, batch.held_version, batch.kinds, batch.kind_count);
  }
};

struct StepDone {
  static constexpr std::uint16_t type_id = 31;
  StepMetrics metrics;
  std::string weights_hash;
  double finished_s = 0;  // Unix seconds on the trainer
  std::string error;      // not empty: the step was refused on all ranks and the weights are as before
  template <class Archive>
  void serialize(Archive& archive) {
    archive(metrics, metrics.kinds, weights_hash, finished_s, error);
  }
};

/// Send the line's current weights, as this version, to `receivers` (world ranks).
struct Publish {
  static constexpr std::uint16_t type_id = 32;
  std::int64_t version = 0;
  std::vector<int> receivers;
  std::string line = "main";
  template <class Archive>
  void serialize(Archive& archive) {
    archive(version, receivers, line);
  }
};

/// One rank holds all bytes of the version, checked.
struct VersionComplete {
  static constexpr std::uint16_t type_id = 33;
  std::int64_t version = 0;
  std::int64_t bytes = 0;
  std::string error;  // not empty: it did not arrive whole and was discarded
  template <class Archive>
  void serialize(Archive& archive) {
    archive(version, bytes, error);
  }
};

/// Write the owned part of weights and moments, as they are after `step`, beside the work.
struct WriteCheckpoint {
  static constexpr std::uint16_t type_id = 34;
  std::string root;
  std::int64_t step = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(root, step);
  }
};

struct ShardWritten {
  static constexpr std::uint16_t type_id = 35;
  std::int64_t step = 0;
  ShardInfo shard;
  std::string error;  // empty = written
  template <class Archive>
  void serialize(Archive& archive) {
    archive(step, shard, error);
  }
};

/// Overwrite weights and moments from a checkpoint folder.
struct Restore {
  static constexpr std::uint16_t type_id = 36;
  std::string path;  // of one checkpoint
  template <class Archive>
  void serialize(Archive& archive) {
    archive(path);
  }
};

/// Free the line's weights and moments.
struct DropLine {
  static constexpr std::uint16_t type_id = 38;
  std::string line;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(line);
  }
};

struct Restored {
  static constexpr std::uint16_t type_id = 37;
  std::string weights_hash;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(weights_hash);
  }
};

}  // namespace clawrl::messages
