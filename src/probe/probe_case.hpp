#pragma once
// One question to a model folder, as plain data. The fields are described in docs/models.md.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/generation.hpp"
#include "core/ids.hpp"
#include "core/message.hpp"
#include "prompt/text_range.hpp"

namespace clawrl {

struct EncodeCase {
  std::string text;
  std::vector<TextRange> literal;  // where special tokens are ordinary text
  bool post_processor = false;
};

struct DecodeCase {
  std::vector<TokenId> ids;
  bool skip_special = false;
  bool stream = false;  // piece by piece
};

struct RenderCase {
  std::vector<Message> messages;
  std::string tools, arguments;  // JSON text as it came; empty = none
  bool add_generation_prompt = false, continue_final_message = false;
};

struct LogprobsCase {
  enum class Rows : std::uint8_t { none, logits, log_softmax };
  std::vector<TokenId> ids;
  std::vector<std::int32_t> positions;  // ascending; the token after each is scored
  float temperature = 1.0F;
  bool paged = false;      // the sampler's path with its KV cache, else the trainer's
  std::int32_t chunk = 0;  // paged: tokens per step at most, 0 = as many as go
  Rows rows = Rows::none;
};

struct GenerateCase {
  std::vector<TokenId> ids;         // the prompt; empty = text or messages
  std::optional<std::string> text;  // encoded with special tokens parsed
  std::optional<RenderCase> render;
  SamplingParameters sampling;
  std::int32_t max_tokens = 16;
  std::optional<std::vector<TokenId>> stop_tokens;  // nullopt = the model's
  bool skip_special = true;
};

struct ParseCase {
  std::vector<std::string> pieces;
  bool prompt_opens_think = false, tools_given = false, length = false;
  std::string tool_format = "auto", reasoning = "auto";
};

struct ProbeCase {
  std::string echo;  // "id" and "name" of the line as members of a JSON object; may be empty
  std::variant<EncodeCase, DecodeCase, RenderCase, LogprobsCase, GenerateCase, ParseCase> question;
};

/// "id" and "name" as ProbeCase::echo, also from a line whose other fields are wrong; empty if it is no JSON object.
std::string echo_of(const std::string& line);

/// Throws UserError naming the field and what is allowed; fields that the op does not have are refused.
ProbeCase parse_case(const std::string& line);

}  // namespace clawrl
