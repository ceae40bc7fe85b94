#pragma once
// What the scripted policy answers: rules of a JSON file, tried in order.
//
//   {"rules": [{"when": ["weather", "Paris"], "unless": "result", "times": 1, "think": "...", "reply": "...",
//               "calls": [{"name": "exec", "arguments": {"command": "ls"}}],
//               "first_token_s": 2, "token_s": 0.1, "fail": "...", "endless": true}, ...]}
//
// `when` and `unless` are one text or several, looked for in what came after the last reply (in the first turn: in the
// whole prompt). All of `when` must be there and none of `unless`; a rule without them fits always.

#include <string>
#include <string_view>
#include <vector>

namespace clawrl::test {

struct ScriptRule {
  std::vector<std::string> when, unless;
  int times = 0;                          // how often it answers; 0 = no limit
  std::string think, reply;               // `reply` with its calls, as the model writes them
  double first_token_s = 0, token_s = 0;  // seconds before the first token and between two
  std::string fail;                       // the engine's error after the reply's tokens; empty = none
  bool endless = false;                   // the reply is repeated until somebody ends it
};

/// One thread.
class Script {
 public:
  /// Throws UserError naming the file.
  static Script load(const std::string& path);

  /// The first rule that fits `prompt` (decoded, ChatML), counted as used. Throws UserError when none does.
  ScriptRule choose(std::string_view prompt);

 private:
  struct Entry {
    ScriptRule rule;
    int used = 0;
  };
  std::vector<Entry> entries_;
};

/// The part of a ChatML prompt after the last reply in it.
std::string_view after_last_reply(std::string_view prompt);

}  // namespace clawrl::test
