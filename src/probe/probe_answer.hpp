#pragma once
// What comes back for one question, and its JSON line.

#include <string>
#include <variant>
#include <vector>

#include "core/generation.hpp"
#include "core/message.hpp"

namespace clawrl {

struct EncodeAnswer {
  std::vector<TokenId> ids;
};

struct DecodeAnswer {
  std::string text;
};

struct StreamAnswer {
  std::vector<std::string> pieces;  // one per id
  std::string flush;
};

struct RenderAnswer {
  std::string text;
  std::vector<TokenId> ids;
};

struct LogprobsAnswer {
  std::vector<std::int32_t> positions;
  std::vector<float> logprobs;  // of the token after each position, which the last position of a text has not
  std::vector<std::vector<float>> logits, log_softmax;  // [positions][V], or empty
};

struct GenerateAnswer {
  Completion completion;
  std::string text;
  std::size_t prompt_tokens = 0;
};

struct ParseAnswer {
  Message message;
  std::string finish_reason, unshown_text;
};

using ProbeAnswer =
    std::variant<EncodeAnswer, DecodeAnswer, StreamAnswer, RenderAnswer, LogprobsAnswer, GenerateAnswer, ParseAnswer>;

/// One line without its newline. `echo` as in ProbeCase.
std::string answer_line(const std::string& echo, const ProbeAnswer& answer);
std::string error_line(const std::string& echo, const std::string& error);

}  // namespace clawrl
