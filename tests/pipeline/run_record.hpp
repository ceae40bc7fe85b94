#pragma once
// What a finished run left on disk, and what has to hold of it. The functions named *_problems return one line for
// each promise that is broken; empty = all hold.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/turn.hpp"
#include "demo/user_driver.hpp"
#include "journal/journal_reader.hpp"

namespace clawrl::test {

std::string journal_of(const std::string& out);
std::string checkpoints_of(const std::string& out);

std::vector<Turn> all_turns(const JournalReader& journal);

/// Turns: ids and log-probs as sampled, one announced version each, prompt = rendered messages, reply = decoded ids.
std::vector<std::string> turn_problems(const JournalReader& journal);
/// Samples and steps: a sample is what its turn recorded, is fresh at most once, its turn is trained when its step is
/// finished; trainer and sampler agree on tokens of equal version.
std::vector<std::string> step_problems(const JournalReader& journal);
/// Every reply that the students got stands in the journal as they got it.
std::vector<std::string> reply_problems(const JournalReader& journal, const std::vector<demo::ReplyRecord>& replies,
                                        std::uint64_t seed);
/// The checkpoint of the last step is there and whole, nothing is half-written.
std::vector<std::string> checkpoint_problems(const std::string& root, std::int64_t last_step);

/// Step -> hash of the weights after it, as the run recorded it. Of a replay: from its events.
std::map<std::int64_t, std::string> step_hashes(const JournalReader& journal);
std::map<std::int64_t, std::string> replayed_hashes(const JournalReader& journal);

/// Name -> bytes of every tensor in the newest checkpoint: weights and moments.
std::map<std::string, std::vector<char>> newest_tensors(const std::string& root);

/// A number of the last object that GET /status gave.
double status_number(const std::string& status, const std::string& name);

/// For a message: the lines together.
std::string joined(const std::vector<std::string>& lines);

}  // namespace clawrl::test
