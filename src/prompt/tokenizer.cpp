#include "prompt/tokenizer.hpp"

#include <algorithm>

#include "core/error.hpp"
#include "prompt/detokenizer.hpp"
#include "prompt/tokenizer_encoder.hpp"
#include "prompt/tokenizer_file.hpp"
#include "prompt/utf8.hpp"

namespace clawrl {
namespace {

constexpr std::size_t longest_text = 1U << 30;  // bytes; positions within a piece are 32-bit

struct Repaired {
  std::string text;
  std::vector<LiteralRange> literal;
};

/// Range by range, so that no border moves into another character.
Repaired repaired(std::string_view text, std::span<const LiteralRange> literal) {
  Repaired made;
  std::size_t done = 0;
  const auto go_to = [&](std::size_t end) {
    made.text += to_valid_utf8(text.substr(done, end - done));
    done = end;
    return made.text.size();
  };
  for (const LiteralRange& range : literal) {
    const std::size_t begin = go_to(range.begin);
    made.literal.push_back({begin, go_to(range.end)});
  }
  go_to(text.size());
  return made;
}

/// Neighbours joined, empty ones left out.
std::vector<LiteralRange> joined(std::span<const LiteralRange> literal, std::size_t size) {
  std::vector<LiteralRange> made;
  std::size_t done = 0;
  for (const LiteralRange& range : literal) {
    expect(range.begin >= done && range.begin <= range.end && range.end <= size,
           "literal ranges must be ascending, disjoint and within the text");
    done = range.end;
    if (range.begin == range.end) continue;
    if (!made.empty() && made.back().end == range.begin)
      made.back().end = range.end;
    else
      made.push_back(range);
  }
  return made;
}

}  // namespace

struct Tokenizer::State {
  explicit State(TokenizerParts parts)
      : encoder(parts),
        decode(parts.decode),
        prefix(std::move(parts.prefix)),
        suffix(std::move(parts.suffix)),
        token_bytes(std::move(parts.token_bytes)),
        byte_token(std::move(parts.byte_token)),
        special(token_bytes.size(), 0),
        vocabulary(std::move(parts.vocabulary)) {
    for (const AddedToken& token : parts.added_tokens) {
      special[static_cast<std::size_t>(token.id)] = token.special;
      added_ids.emplace(token.content, token.id);
    }
  }

  bool has(TokenId id) const { return id >= 0 && static_cast<std::size_t>(id) < token_bytes.size(); }

  TextEncoder encoder;
  DecodeRules decode;
  std::vector<TokenId> prefix, suffix;
  std::vector<std::string> token_bytes;  // [V]
  std::vector<std::uint8_t> byte_token;  // [V] or empty
  std::vector<std::uint8_t> special;     // [V]
  StringMap<TokenId> vocabulary, added_ids;
};

Tokenizer Tokenizer::load(const std::string& tokenizer_json_path) {
  TokenizerParts parts = read_tokenizer_file(tokenizer_json_path);
  try {
    return Tokenizer(std::move(parts));
  } catch (const UserError& error) {
    throw UserError(tokenizer_json_path + ": pre_tokenizer: " + error.what());
  }
}

Tokenizer::Tokenizer(TokenizerParts parts) : state_(std::make_shared<const State>(std::move(parts))) {}

std::vector<TokenId> Tokenizer::encode(std::string_view text, SpecialText special) const {
  const LiteralRange whole{0, text.size()};
  return encode(text, std::span(&whole, special == SpecialText::as_text ? 1 : 0));
}

std::vector<TokenId> Tokenizer::encode(std::string_view text, std::span<const LiteralRange> literal) const {
  require(text.size() <= longest_text, "a text of " + std::to_string(text.size()) + " bytes is too long to tokenise; " +
                                           std::to_string(longest_text) + " are allowed");
  const auto ranges = joined(literal, text.size());
  if (is_valid_utf8(text)) return state_->encoder.encode(text, ranges);
  const Repaired made = repaired(text, ranges);
  return state_->encoder.encode(made.text, made.literal);
}

std::vector<TokenId> Tokenizer::encode_with_post_processor(std::string_view text, SpecialText special) const {
  return post_processed(encode(text, special));
}

std::vector<TokenId> Tokenizer::post_processed(std::vector<TokenId> ids) const {
  ids.insert(ids.begin(), state_->prefix.begin(), state_->prefix.end());
  ids.insert(ids.end(), state_->suffix.begin(), state_->suffix.end());
  return ids;
}

std::string Tokenizer::decode(std::span<const TokenId> ids, bool skip_special) const {
  if (state_->decode.byte_tokens || state_->decode.strip_front > 0) {
    Detokenizer stream(*this, skip_special);
    std::string text;
    for (const TokenId id : ids) text += stream.push(id);
    return text + stream.flush();
  }
  std::string bytes;
  for (const TokenId id : ids)
    if (!skip_special || !is_special(id)) bytes += bytes_of(id);
  return is_valid_utf8(bytes) ? bytes : to_valid_utf8(bytes);
}

std::optional<TokenId> Tokenizer::id_of(std::string_view token) const {
  for (const auto* ids : {&state_->added_ids, &state_->vocabulary}) {
    const auto found = ids->find(token);
    if (found != ids->end()) return found->second;
  }
  return std::nullopt;
}

std::string_view Tokenizer::bytes_of(TokenId id) const {
  return state_->has(id) ? std::string_view(state_->token_bytes[static_cast<std::size_t>(id)]) : std::string_view();
}

bool Tokenizer::is_special(TokenId id) const {
  return state_->has(id) && state_->special[static_cast<std::size_t>(id)] != 0;
}

bool Tokenizer::is_byte_token(TokenId id) const {
  return state_->has(id) && !state_->byte_token.empty() && state_->byte_token[static_cast<std::size_t>(id)] != 0;
}

int Tokenizer::stripped_spaces() const {
  return state_->decode.strip_front;
}

int Tokenizer::vocab_size() const {
  return static_cast<int>(state_->token_bytes.size());
}

}  // namespace clawrl
