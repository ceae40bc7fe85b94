#include "prompt/tokenizer.hpp"

#include <algorithm>

#include "core/error.hpp"
#include "prompt/pretokenizer.hpp"
#include "prompt/tokenizer_file.hpp"
#include "prompt/unicode.hpp"
#include "prompt/utf8.hpp"

namespace clawrl {
namespace {

constexpr std::size_t longest_text = 1U << 30;  // bytes; positions within a piece are 32-bit

std::vector<AddedToken> added_tokens(const TokenizerParts& parts, bool normalized) {
  std::vector<AddedToken> tokens;
  for (AddedToken token : parts.added_tokens) {
    if (token.normalized != normalized) continue;
    if (normalized && parts.nfc) token.content = nfc(token.content);
    tokens.push_back(std::move(token));
  }
  return tokens;
}

}  // namespace

struct Tokenizer::State {
  explicit State(TokenizerParts parts)
      : bpe(std::move(parts.model)),
        pretokenizer(parts.split_patterns),
        before_normalisation(added_tokens(parts, false)),
        after_normalisation(added_tokens(parts, true)),
        normalise(parts.nfc),
        prefix(std::move(parts.prefix)),
        suffix(std::move(parts.suffix)),
        token_bytes(std::move(parts.token_bytes)),
        special(token_bytes.size(), 0),
        vocabulary(std::move(parts.vocabulary)) {
    for (const AddedToken& token : parts.added_tokens) {
      special[static_cast<std::size_t>(token.id)] = token.special;
      added_ids.emplace(token.content, token.id);
    }
  }

  void encode_text(std::string_view text, std::vector<TokenId>& ids) const {
    for (const auto piece : pretokenizer.split(text)) bpe.encode(piece, ids);
  }

  void encode_span(std::string_view text, bool special_as_text, std::vector<TokenId>& ids) const {
    std::string normal;
    if (normalise && !is_surely_nfc(text)) text = normal = nfc(text);
    if (after_normalisation.empty()) return encode_text(text, ids);
    for (const TextSpan& span : after_normalisation.split(text, special_as_text)) {
      if (span.token >= 0)
        ids.push_back(span.token);
      else
        encode_text(text.substr(span.begin, span.end - span.begin), ids);
    }
  }

  bool has(TokenId id) const { return id >= 0 && static_cast<std::size_t>(id) < token_bytes.size(); }

  Bpe bpe;
  Pretokenizer pretokenizer;
  AddedTokenMatcher before_normalisation, after_normalisation;
  bool normalise;
  std::vector<TokenId> prefix, suffix;
  std::vector<std::string> token_bytes;  // [V]
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
  require(text.size() <= longest_text, "a text of " + std::to_string(text.size()) + " bytes is too long to tokenise; " +
                                           std::to_string(longest_text) + " are allowed");
  std::string repaired;
  if (!is_valid_utf8(text)) text = repaired = to_valid_utf8(text);
  std::vector<TokenId> ids;
  ids.reserve(text.size() / 3 + 1);
  const bool as_text = special == SpecialText::as_text;
  for (const TextSpan& span : state_->before_normalisation.split(text, as_text)) {
    if (span.token >= 0)
      ids.push_back(span.token);
    else
      state_->encode_span(text.substr(span.begin, span.end - span.begin), as_text, ids);
  }
  return ids;
}

std::vector<TokenId> Tokenizer::encode_with_post_processor(std::string_view text, SpecialText special) const {
  std::vector<TokenId> ids = state_->prefix;
  const auto inner = encode(text, special);
  ids.insert(ids.end(), inner.begin(), inner.end());
  ids.insert(ids.end(), state_->suffix.begin(), state_->suffix.end());
  return ids;
}

std::string Tokenizer::decode(std::span<const TokenId> ids, bool skip_special) const {
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

int Tokenizer::vocab_size() const { return static_cast<int>(state_->token_bytes.size()); }

}  // namespace clawrl
