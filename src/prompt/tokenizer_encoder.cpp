#include "prompt/tokenizer_encoder.hpp"

#include <algorithm>

#include "prompt/unicode.hpp"

namespace clawrl {
namespace {

constexpr std::size_t remembered_bytes = 32U << 20;
constexpr std::size_t stride = 1024;          // bytes between the checkpoints of a long stretch
constexpr std::size_t nearest_tokens = 256;   // bytes at least between checkpoints at added tokens
constexpr std::size_t longest_character = 8;  // bytes, with room for one more

/// Spaces become a mark of three bytes: in one pass, since a text has very many of them.
std::string spaces_replaced(std::string_view text, const std::string& mark) {
  std::string made;
  made.reserve(text.size() + text.size() / 2);
  for (const char c : text) {
    if (c == ' ')
      made += mark;
    else
      made += c;
  }
  return made;
}

}  // namespace

struct TextEncoder::Run {
  std::string_view text;
  std::span<const LiteralRange> literal;
  std::vector<TokenId> ids;
  std::vector<EncodingMark>* checkpoints = nullptr;

  void note(std::size_t certain, std::size_t resume, std::size_t count) const {
    if (checkpoints && certain <= text.size()) checkpoints->push_back({certain, resume, count});
  }
};

TextEncoder::TextEncoder(TokenizerParts& parts)
    : rules_(parts.text),
      bpe_(std::move(parts.model)),
      pretokenizer_(parts.splits),
      before_(added_tokens(parts, false, *this)),
      after_(added_tokens(parts, true, *this)),
      cuts_inside_(!rules_.changes_length() && after_.empty() && !before_.any_lstrip()),
      memory_(std::make_unique<PromptMemory>(remembered_bytes)) {}

std::vector<AddedToken> TextEncoder::added_tokens(const TokenizerParts& parts, bool normalized,
                                                  const TextEncoder& encoder) {
  std::vector<AddedToken> tokens;
  for (AddedToken token : parts.added_tokens) {
    if (token.normalized != normalized) continue;
    if (normalized) token.content = encoder.normalised(token.content);
    tokens.push_back(std::move(token));
  }
  return tokens;
}

std::string TextEncoder::normalised(std::string_view text) const {
  std::string made = rules_.prepend;
  if (rules_.nfc)
    made += nfc(text);
  else
    made += text;
  if (!rules_.space.empty() && !rules_.space_late) made = spaces_replaced(made, rules_.space);
  return made;
}

std::vector<TokenId> TextEncoder::encode(std::string_view text, std::span<const LiteralRange> literal) const {
  Run run{text, literal, {}, nullptr};
  run.ids.reserve(text.size() / 3 + 8);
  if (text.size() < PromptMemory::block) {
    encode_from(0, run);
    return std::move(run.ids);
  }
  const auto [known, common] = memory_->find(text, literal);
  if (known && common == text.size() && known->text.size() == common) return known->ids;
  std::vector<EncodingMark> checkpoints;
  run.checkpoints = &checkpoints;
  std::size_t from = 0;
  if (known) {
    const auto certain = [limit = common](const EncodingMark& point) { return point.certain <= limit; };
    const auto first_unsure = std::partition_point(known->checkpoints.begin(), known->checkpoints.end(), certain);
    checkpoints.assign(known->checkpoints.begin(), first_unsure);
    if (!checkpoints.empty()) {
      from = checkpoints.back().resume;
      run.ids.assign(known->ids.begin(), known->ids.begin() + static_cast<std::ptrdiff_t>(checkpoints.back().ids));
    }
  }
  encode_from(from, run);
  memory_->keep({std::string(text), {literal.begin(), literal.end()}, run.ids, std::move(checkpoints)});
  return std::move(run.ids);
}

/// `from` is 0 or a checkpoint's: behind an added token, or (with cuts_inside_) between two pieces.
void TextEncoder::encode_from(std::size_t from, Run& run) const {
  std::size_t last = from;
  const std::size_t look_ahead = before_.longest() + longest_character;
  for (const TextSpan& span : before_.split(run.text, run.literal, from)) {
    if (span.token < 0) {
      encode_stretch(span.begin, span.end, run);
      continue;
    }
    run.ids.push_back(span.token);
    if (span.end < last + nearest_tokens) continue;
    run.note(span.end + look_ahead, span.end, run.ids.size());
    last = span.end;
  }
}

void TextEncoder::encode_stretch(std::size_t begin, std::size_t end, Run& run) const {
  const std::string_view text = run.text.substr(begin, end - begin);
  if (run.checkpoints && cuts_inside_ && text.size() >= stride) return encode_with_cuts(begin, end, run);
  const bool changes =
      !rules_.prepend.empty() || (!rules_.space.empty() && !rules_.space_late) || (rules_.nfc && !is_surely_nfc(text));
  std::string made;
  if (changes) made = normalised(text);
  const std::string_view normal = changes ? std::string_view(made) : text;
  if (after_.empty()) return encode_normal(normal, begin == 0, run.ids);
  std::vector<LiteralRange> all_literal;
  for (const LiteralRange& range : run.literal)
    if (range.begin < end && begin < range.end) all_literal = {{0, normal.size()}};
  for (const TextSpan& span : after_.split(normal, all_literal)) {
    if (span.token >= 0)
      run.ids.push_back(span.token);
    else
      encode_normal(normal.substr(span.begin, span.end - span.begin), begin == 0 && span.begin == 0, run.ids);
  }
}

void TextEncoder::encode_normal(std::string_view text, bool at_zero, std::vector<TokenId>& ids) const {
  std::string made;
  if (rules_.space_late) text = made = spaces_replaced(text, rules_.space);
  const bool wanted =
      rules_.front == TextRules::Front::missing || (rules_.front == TextRules::Front::missing_at_zero && at_zero);
  std::string fronted;
  if (wanted && !text.empty() && !text.starts_with(rules_.front_text)) {
    fronted = rules_.front_text + std::string(text);
    text = fronted;
  }
  for (const auto piece : pretokenizer_.split(text)) bpe_.encode(piece, ids);
}

/// A long stretch of text that is taken as it is but for NFC: notes how many ids each certain cut has before it. That
/// ends where NFC may change something: from there on the bytes of the text are not those that are cut.
void TextEncoder::encode_with_cuts(std::size_t begin, std::size_t end, Run& run) const {
  const std::string_view text = run.text.substr(begin, end - begin);
  const std::size_t kept = rules_.nfc ? surely_nfc_prefix(text) : text.size();
  std::string made;
  if (kept < text.size()) made = nfc(text);
  const std::string_view normal = kept < text.size() ? std::string_view(made) : text;
  std::vector<CertainCut> cuts;
  const auto pieces = pretokenizer_.split(normal, stride, cuts);
  const std::size_t look_ahead = before_.longest() + longest_character;
  auto cut = cuts.begin();
  for (const auto piece : pieces) {
    const auto at = static_cast<std::size_t>(piece.data() - normal.data());
    for (; cut != cuts.end() && at >= cut->end; ++cut)
      if (cut->certain + look_ahead <= kept)
        run.note(begin + cut->certain + look_ahead, begin + cut->end, run.ids.size());
    bpe_.encode(piece, run.ids);
  }
}

}  // namespace clawrl
