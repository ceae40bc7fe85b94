#pragma once
// A turn: one reply of the policy in one session, and what happened next.

#include <cstdint>
#include <string>
#include <vector>

#include "core/generation.hpp"
#include "core/message.hpp"

namespace clawrl {

//   generating -> answered -> (next state) -> judging -> scored -> sampled -> trained
//        |            |                          |          |
//        v            v                          v          v
//     aborted   expired (idle end: judged without next state)   excluded(reason)
//   side: a turn that is stored and never trained
enum class TurnState : std::uint8_t {
  generating,
  answered,
  judging,
  scored,
  sampled,
  trained,
  aborted,
  side,
  expired,
  excluded
};

inline const char* name(TurnState state) {
  static const char* const names[] = {"generating", "answered", "judging", "scored",  "sampled",
                                      "trained",    "aborted",  "side",    "expired", "excluded"};
  return names[static_cast<int>(state)];
}

enum class TurnType : std::uint8_t { main, side };

/// What may be done with a conversation: learned from and stored, stored only, or neither.
enum class Learning : std::uint8_t { learn, store, off };

inline const char* name(Learning learning) {
  static const char* const names[] = {"learn", "store", "off"};
  return names[static_cast<int>(learning)];
}

struct Turn {
  TurnId id;
  std::string session;             // session key
  std::int32_t index = 0;          // 0, 1, ... within the session
  TurnType type = TurnType::main;  // only main turns are trained
  std::vector<Message> messages;   // as rendered into the prompt, without the reply
  std::string tools;               // JSON text of the tools given, empty if none
  std::string
      template_arguments;       // JSON object given to the chat template besides: {"enable_thinking":false}; or empty
  std::vector<TokenId> prompt;  // [P]
  Completion completion;        // sampled ids [R]
  std::string reply;            // text of the completion as the model wrote it, tags of thoughts and calls included
  Message reply_message;        // the same, taken apart
  std::vector<Message> next_state;  // what followed the reply; empty until known
  TurnState state = TurnState::generating;
  std::string exclusion;      // why it is excluded: truncated, greedy, stale, too_long, no_logprobs ...
  std::string model;          // model name that the client asked for
  std::string completion_id;  // as the client got it: "chatcmpl-..."
  std::string key;            // id of the API key that it came with; empty where none is needed
  std::string user;           // the request's `user`; empty if none
  Learning learning = Learning::learn;
  double created_s = 0;  // Unix seconds
  template <class Archive>
  void serialize(Archive& archive) {
    archive(id, session, index, type, messages, tools, template_arguments, prompt, completion, reply, reply_message,
            next_state, state, exclusion, model, completion_id, key, user, learning, created_s);
  }
};

}  // namespace clawrl
