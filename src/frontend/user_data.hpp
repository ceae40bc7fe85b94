#pragma once
// What a user may ask to see and to have erased: plain structs of POST /v1/user_data/export and /erase.

#include <cstdint>
#include <string>
#include <vector>

#include "core/turn.hpp"
#include "core/verdict.hpp"

namespace clawrl {

/// All that is kept of one user: every field that is given must fit, at least one is.
/// Example: {key "app", user "u17"} = the user u17 of the application with the key "app".
struct UserDataRequest {
  std::string key, user, session;
  std::int64_t after = 0;    // export only: turns with ids above this one
  std::int32_t limit = 100;  // export only: at most so many turns
};

struct ExportedSample {
  std::int32_t revision = 0;
  std::string origin, exclusion;            // exclusion: why it is not trained on; empty = it may be
  std::int64_t version = 0, tokens = 0;     // policy version that sampled it
  std::int64_t step = 0, step_version = 0;  // the step that took it and the version which that made; 0 = none
  double created_s = 0;
};

struct ExportedFeedback {
  std::string id, text, correction, hint, fault, source, outcome;
  std::int8_t severity = 0;
  std::int32_t revision = 0;
  bool scored = false;
  double score = 0, created_s = 0, withdrawn_s = 0;
};

struct ExportedTurn {
  Turn turn;
  std::vector<Verdict> verdicts;
  std::vector<ExportedSample> samples;
  std::vector<ExportedFeedback> feedback;
};

struct UserExport {
  std::vector<ExportedTurn> turns;  // by id, ascending
  std::int64_t next_after = 0;      // ask again with `after` set to it; 0 = that was all
};

struct TrainedVersion {
  std::int64_t turn = 0, step = 0, version = 0;
};

struct ErasureReport {
  std::int64_t turns = 0, verdicts = 0, samples = 0, feedback = 0;
  std::vector<TrainedVersion> trained;  // what the weights have seen: erasing does not take it out of them
  bool overwritten = false;             // the bytes are gone from the journal's files, too; else that follows
};

}  // namespace clawrl
