#include <array>

#include "prompt/jinja/limits.hpp"
#include "prompt/jinja/source_error.hpp"
#include "prompt/jinja/string_literal.hpp"
#include "prompt/jinja/text.hpp"
#include "prompt/jinja/token.hpp"
#include "prompt/utf8.hpp"

namespace clawrl::jinja {
namespace {

constexpr std::size_t npos = std::string_view::npos;

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  std::vector<Token> run() {
    while (at_ < source_.size()) lex_outside();
    add(TokenKind::end, {}, at_);
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void fail(std::size_t where, const std::string& what) { throw SourceError(position(where), what); }

  /// Asked for in ascending order, but for the start of what is being lexed.
  Position position(std::size_t offset) {
    if (offset < counted_) counted_ = 0, position_ = {};
    for (; counted_ < offset; ++counted_) {
      if (source_[counted_] == '\n')
        ++position_.line, position_.column = 1;
      else if ((static_cast<unsigned char>(source_[counted_]) & 0xC0) != 0x80)
        ++position_.column;
    }
    return position_;
  }

  void add(TokenKind kind, std::string text, std::size_t where) {
    tokens_.push_back({kind, std::move(text), position(where)});
  }

  bool line_start() const { return at_ == 0 || source_[at_ - 1] == '\n'; }

  std::size_t next_tag() const {
    for (std::size_t i = source_.find('{', at_); i != npos; i = source_.find('{', i + 1))
      if (i + 1 < source_.size() && (source_[i + 1] == '{' || source_[i + 1] == '%' || source_[i + 1] == '#')) return i;
    return npos;
  }

  /// Text before a tag, cut as the tag's sign and lstrip_blocks want it.
  std::string_view text_before(std::size_t tag) const {
    std::string_view text = source_.substr(at_, tag - at_);
    const char sign = tag + 2 < source_.size() ? source_[tag + 2] : ' ';
    if (sign == '-') return text.substr(0, stripped(text, false, true).end);
    if (sign == '+' || source_[tag + 1] == '{') return text;
    const std::size_t newline = text.rfind('\n');
    if (newline == npos && !line_start()) return text;
    const std::size_t line = newline == npos ? 0 : newline + 1;
    const TextRange rest = stripped(text.substr(line), true, false);
    return rest.begin == rest.end ? text.substr(0, line) : text;
  }

  void lex_outside() {
    const std::size_t tag = next_tag();
    const std::string_view text = tag == npos ? source_.substr(at_) : text_before(tag);
    if (!text.empty()) add(TokenKind::data, std::string(text), at_);
    if (tag == npos) return void(at_ = source_.size());
    at_ = tag + 2;
    if (at_ < source_.size() && (source_[at_] == '-' || source_[at_] == '+')) ++at_;
    if (source_[tag + 1] == '#') return skip_comment(tag);
    if (source_[tag + 1] == '%' && skip_raw(tag)) return;
    const bool block = source_[tag + 1] == '%';
    add(block ? TokenKind::block_begin : TokenKind::variable_begin, {}, tag);
    lex_inside(tag, block);
  }

  /// After the end of a tag: what its sign and trim_blocks take of the text that follows.
  void end_tag(char sign, bool trim) {
    if (sign == '-')
      at_ += stripped(source_.substr(at_), true, false).begin;
    else if (trim && sign != '+' && at_ < source_.size() && source_[at_] == '\n')
      ++at_;
  }

  void skip_comment(std::size_t tag) {
    const std::size_t end = source_.find("#}", at_);
    if (end == npos) fail(tag, "a comment that is not closed");
    const char sign = end > at_ ? source_[end - 1] : ' ';
    at_ = end + 2;
    end_tag(sign, true);
  }

  std::size_t after_blanks(std::size_t i) const { return i + stripped(source_.substr(i), true, false).begin; }

  /// Where a tag `name` that has begun just before `i` ends; npos if there is none. Its sign goes to `sign`.
  std::size_t bare_tag(std::size_t i, std::string_view name, char& sign) const {
    i = after_blanks(i);
    if (!source_.substr(i).starts_with(name)) return npos;
    i = after_blanks(i + name.size());
    sign = i < source_.size() ? source_[i] : ' ';
    if (sign == '-' || sign == '+') ++i;
    return source_.substr(i).starts_with("%}") ? i + 2 : npos;
  }

  bool skip_raw(std::size_t tag) {
    char sign = ' ';
    const std::size_t begin = bare_tag(at_, "raw", sign);
    if (begin == npos) return false;
    at_ = begin;
    end_tag(sign, false);
    for (std::size_t i = source_.find("{%", at_); i != npos; i = source_.find("{%", i + 1)) {
      std::size_t name = i + 2;
      if (name < source_.size() && (source_[name] == '-' || source_[name] == '+')) ++name;
      const std::size_t end = bare_tag(name, "endraw", sign);
      if (end == npos) continue;
      const std::string_view text = text_before(i);
      if (!text.empty()) add(TokenKind::data, std::string(text), at_);
      at_ = end;
      end_tag(sign, true);
      return true;
    }
    fail(tag, "a raw block that is not closed");
  }

  void lex_inside(std::size_t tag, bool block) {
    const std::string_view closing = block ? "%}" : "}}";
    std::string open;  // closing brackets that are still due
    while (true) {
      at_ = after_blanks(at_);
      if (at_ >= source_.size()) fail(tag, block ? "a {% that is not closed" : "a {{ that is not closed");
      const std::string_view rest = source_.substr(at_);
      const bool has_sign = rest[0] == '-' || (block && rest[0] == '+');
      if (open.empty() && rest.substr(has_sign ? 1 : 0).starts_with(closing)) {
        add(block ? TokenKind::block_end : TokenKind::variable_end, {}, at_);
        at_ += has_sign ? 3 : 2;
        return end_tag(has_sign ? rest[0] : ' ', block);
      }
      if (is_letter(rest[0]))
        lex_name();
      else if (is_digit(rest[0]))
        lex_number();
      else if (rest[0] == '\'' || rest[0] == '"')
        lex_string();
      else
        lex_symbol(open);
    }
  }

  void lex_name() {
    const std::size_t begin = at_;
    while (at_ < source_.size() && (is_letter(source_[at_]) || is_digit(source_[at_]))) ++at_;
    add(TokenKind::name, std::string(source_.substr(begin, at_ - begin)), begin);
  }

  void digits(std::string& text) {
    for (; at_ < source_.size() && (is_digit(source_[at_]) || source_[at_] == '_'); ++at_)
      if (source_[at_] != '_') text += source_[at_];
  }

  bool digit_at(std::size_t i) const { return i < source_.size() && is_digit(source_[i]); }

  void lex_number() {
    const std::size_t begin = at_;
    std::string text;
    TokenKind kind = TokenKind::integer;
    digits(text);
    if (at_ < source_.size() && source_[at_] == '.' && digit_at(at_ + 1)) {
      kind = TokenKind::real;
      text += source_[at_++];
      digits(text);
    }
    if (at_ < source_.size() && (source_[at_] == 'e' || source_[at_] == 'E')) {
      const bool sign = at_ + 1 < source_.size() && (source_[at_ + 1] == '-' || source_[at_ + 1] == '+');
      if (digit_at(at_ + 1 + sign)) {
        kind = TokenKind::real;
        text += source_.substr(at_, 1 + sign);
        at_ += 1 + sign;
        digits(text);
      }
    }
    if (at_ < source_.size() && is_letter(source_[at_])) fail(begin, "a malformed number");
    add(kind, std::move(text), begin);
  }

  void lex_string() {
    const std::size_t begin = at_;
    const char quote = source_[at_++];
    for (; at_ < source_.size() && source_[at_] != quote; ++at_)
      if (source_[at_] == '\\') ++at_;
    if (at_ >= source_.size()) fail(begin, "a string that is not closed");
    try {
      add(TokenKind::string, resolve_escapes(source_.substr(begin + 1, at_ - begin - 1)), begin);
    } catch (const Problem& problem) {
      fail(begin, problem.what());
    }
    ++at_;
  }

  void lex_symbol(std::string& open) {
    static constexpr std::array<std::string_view, 26> symbols = {"//", "**", "==", "!=", "<=", ">=", "+", "-", "*",
                                                                 "/",  "%",  "~",  "<",  ">",  "=",  ".", ":", "|",
                                                                 ",",  ";",  "(",  ")",  "[",  "]",  "{", "}"};
    const std::string_view rest = source_.substr(at_);
    for (const auto symbol : symbols) {
      if (!rest.starts_with(symbol)) continue;
      if (symbol == "(") open += ')';
      if (symbol == "[") open += ']';
      if (symbol == "{") open += '}';
      if (symbol == ")" || symbol == "]" || symbol == "}") {
        if (open.empty() || open.back() != symbol[0]) fail(at_, "'" + std::string(symbol) + "' closes nothing");
        open.pop_back();
      }
      add(TokenKind::symbol, std::string(symbol), at_);
      at_ += symbol.size();
      return;
    }
    fail(at_, "'" + std::string(rest.substr(0, utf8_step(rest).length)) + "' has no meaning in a template");
  }

  std::string_view source_;
  std::size_t at_ = 0, counted_ = 0;
  Position position_;
  std::vector<Token> tokens_;
};

/// One newline sequence, and none at the very end.
std::string normal_newlines(std::string_view source) {
  std::string text;
  text.reserve(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r' && i + 1 < source.size() && source[i + 1] == '\n') continue;
    text += source[i] == '\r' ? '\n' : source[i];
  }
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

}  // namespace

std::vector<Token> tokenize(std::string_view source) {
  const std::string text = normal_newlines(source);
  return Lexer(text).run();
}

}  // namespace clawrl::jinja
