#define PCRE2_CODE_UNIT_WIDTH 8
#include "prompt/pretokenizer.hpp"

#include <pcre2.h>

#include "core/error.hpp"

namespace clawrl {
namespace {

struct FreeMatch {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};

std::string message(int code) {
  PCRE2_UCHAR text[160];
  pcre2_get_error_message(code, text, sizeof text);
  return reinterpret_cast<const char*>(text);
}

/// PCRE2 counts U+180E as \s, the engine the files were made for does not: spell the property out.
std::string with_white_space_property(const std::string& pattern) {
  std::string made;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '\\' || i + 1 == pattern.size()) {
      made += pattern[i];
      continue;
    }
    const char next = pattern[++i];
    if (next == 's' || next == 'S')
      made += next == 's' ? "\\p{White_Space}" : "\\P{White_Space}";
    else
      made += {'\\', next};
  }
  return made;
}

pcre2_code* compile(const std::string& pattern, int& error, std::size_t& offset) {
  return pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), PCRE2_UTF | PCRE2_UCP, &error,
                       &offset, nullptr);
}

}  // namespace

struct SplitRegex::Compiled {
  pcre2_code* code = nullptr;
  pcre2_match_context* limits = nullptr;
  bool jit = false;
  ~Compiled() {
    pcre2_match_context_free(limits);
    pcre2_code_free(code);
  }

  int match(std::string_view text, std::size_t from, pcre2_match_data* data) const {
    const auto subject = reinterpret_cast<PCRE2_SPTR>(text.data());
    if (jit) {
      const int found = pcre2_jit_match(code, subject, text.size(), from, PCRE2_NO_UTF_CHECK, data, limits);
      if (found != PCRE2_ERROR_JIT_STACKLIMIT) return found;
    }
    return pcre2_match(code, subject, text.size(), from, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, data, limits);
  }
};

SplitRegex::SplitRegex(const std::string& pattern) : compiled_(std::make_unique<Compiled>()) {
  int error = 0;
  std::size_t offset = 0;
  compiled_->code = compile(with_white_space_property(pattern), error, offset);
  // PCRE2 before 10.40 has no such property.
  if (!compiled_->code) compiled_->code = compile(pattern, error, offset);
  require(compiled_->code != nullptr, "split regex '" + pattern + "' does not compile at offset " +
                                          std::to_string(offset) + ": " + message(error));
  compiled_->jit = pcre2_jit_compile(compiled_->code, PCRE2_JIT_COMPLETE) == 0;
  compiled_->limits = pcre2_match_context_create(nullptr);
  pcre2_set_match_limit(compiled_->limits, 1'000'000'000);
}

SplitRegex::~SplitRegex() = default;
SplitRegex::SplitRegex(SplitRegex&&) noexcept = default;
SplitRegex& SplitRegex::operator=(SplitRegex&&) noexcept = default;

void SplitRegex::split(std::string_view text, std::vector<std::string_view>& pieces) const {
  const std::unique_ptr<pcre2_match_data, FreeMatch> data(pcre2_match_data_create(1, nullptr));
  const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(data.get());
  std::size_t done = 0;  // everything before it is in a piece
  std::size_t from = 0;
  while (from < text.size()) {
    const int found = compiled_->match(text, from, data.get());
    if (found == PCRE2_ERROR_NOMATCH) break;
    require(found >= 0, "the tokenizer's split regex failed on a text of " + std::to_string(text.size()) +
                            " bytes: " + message(found));
    const std::size_t begin = bounds[0], end = bounds[1];
    if (end <= begin) {  // an empty match cuts nothing; go on at the next character
      from = begin + 1;
      while (from < text.size() && (static_cast<unsigned char>(text[from]) & 0xC0) == 0x80) ++from;
      continue;
    }
    if (begin > done) pieces.push_back(text.substr(done, begin - done));
    pieces.push_back(text.substr(begin, end - begin));
    done = from = end;
  }
  if (done < text.size()) pieces.push_back(text.substr(done));
}

Pretokenizer::Pretokenizer(const std::vector<std::string>& patterns) {
  for (const auto& pattern : patterns) regexes_.emplace_back(pattern);
}

std::vector<std::string_view> Pretokenizer::split(std::string_view text) const {
  std::vector<std::string_view> pieces;
  if (!text.empty()) pieces.push_back(text);
  for (const auto& regex : regexes_) {
    std::vector<std::string_view> finer;
    finer.reserve(text.size() / 4 + 1);
    for (const auto piece : pieces) regex.split(piece, finer);
    pieces = std::move(finer);
  }
  return pieces;
}

}  // namespace clawrl
