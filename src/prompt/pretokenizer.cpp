#define PCRE2_CODE_UNIT_WIDTH 8
#include "prompt/pretokenizer.hpp"

#include <pcre2.h>

#include <algorithm>

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

pcre2_code* compile(const std::string& pattern, bool literal, int& error, std::size_t& offset) {
  const std::uint32_t options = PCRE2_UTF | (literal ? PCRE2_LITERAL : PCRE2_UCP);
  return pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), options, &error, &offset, nullptr);
}

/// Whether a match depends on nothing in front of where the search begins.
bool looks_ahead_only(const pcre2_code* code, const std::string& pattern) {
  std::uint32_t behind = 1;
  pcre2_pattern_info(code, PCRE2_INFO_MAXLOOKBEHIND, &behind);
  for (std::size_t i = pattern.find('^'); i != std::string::npos; i = pattern.find('^', i + 1))
    if (i == 0 || pattern[i - 1] != '[') return false;  // may be an anchor
  return behind == 0 && pattern.find("\\A") == std::string::npos && pattern.find("\\G") == std::string::npos &&
         pattern.find("\\K") == std::string::npos;
}

std::size_t character_end(std::string_view text, std::size_t i) {
  i = std::min(i, text.size());
  while (i < text.size() && (static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) ++i;
  return i;
}

struct Stretch {
  std::size_t begin = 0, end = 0;
  bool matched = false;
};

std::vector<Stretch> joined(const std::vector<Stretch>& stretches, SplitBehaviour behaviour) {
  std::vector<Stretch> made;
  for (std::size_t i = 0; i < stretches.size(); ++i) {
    const Stretch& now = stretches[i];
    bool join = false;
    if (!made.empty() && behaviour == SplitBehaviour::contiguous) join = now.matched == made.back().matched;
    if (!made.empty() && behaviour == SplitBehaviour::merged_with_previous)
      join = now.matched && !stretches[i - 1].matched;
    if (!made.empty() && behaviour == SplitBehaviour::merged_with_next) join = !now.matched && stretches[i - 1].matched;
    if (behaviour == SplitBehaviour::removed && now.matched) continue;
    if (join)
      made.back().end = now.end;
    else
      made.push_back(now);
  }
  return made;
}

}  // namespace

struct SplitRegex::Compiled {
  pcre2_code* code = nullptr;
  pcre2_match_context* limits = nullptr;
  bool jit = false, cuts = false;
  SplitStage stage;
  ~Compiled() {
    pcre2_match_context_free(limits);
    pcre2_code_free(code);
  }

  /// `partial`: the text may go on, so a match that looked at its end is PCRE2_ERROR_PARTIAL.
  int match(std::string_view text, std::size_t from, bool partial, pcre2_match_data* data) const {
    const auto subject = reinterpret_cast<PCRE2_SPTR>(text.data());
    const std::uint32_t options = PCRE2_NO_UTF_CHECK | (partial ? PCRE2_PARTIAL_HARD : 0);
    if (jit) {
      const int found = pcre2_jit_match(code, subject, text.size(), from, options, data, limits);
      if (found != PCRE2_ERROR_JIT_STACKLIMIT) return found;
    }
    return pcre2_match(code, subject, text.size(), from, options | PCRE2_NO_JIT, data, limits);
  }
};

/// Goes through a text match by match. With cuts it first looks at a window only and widens it where a match asks.
struct SplitRegex::Walk {
  const Compiled& compiled;
  std::string_view text;
  std::size_t stride = 0;  // 0 = no cuts
  std::vector<CertainCut>* cuts = nullptr;

  template <class Emit>
  void run(const Emit& emit) {
    thread_local const std::unique_ptr<pcre2_match_data, FreeMatch> data(pcre2_match_data_create(1, nullptr));
    const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(data.get());
    std::size_t done = 0;  // everything before it has been emitted
    std::size_t from = 0, window = stride ? character_end(text, stride) : text.size();
    while (from < text.size()) {
      const bool open = window < text.size();
      const int found = compiled.match(text.substr(0, window), from, open, data.get());
      if (open && (found == PCRE2_ERROR_PARTIAL || found == PCRE2_ERROR_NOMATCH)) {
        if (done > 0 && (cuts->empty() || cuts->back().end < done)) cuts->push_back({window, done});
        window = character_end(text, window + std::max(stride, window - done));
        continue;
      }
      if (found == PCRE2_ERROR_NOMATCH) break;
      require(found >= 0, "the tokenizer's split regex failed on a text of " + std::to_string(text.size()) +
                              " bytes: " + message(found));
      const std::size_t begin = bounds[0], end = bounds[1];
      if (end <= begin) {  // an empty match cuts nothing; go on at the next character
        from = character_end(text, begin + 1);
        if (from > window) window = from;
        continue;
      }
      if (begin > done) emit(Stretch{done, begin, false});
      emit(Stretch{begin, end, true});
      done = from = end;
    }
    if (done < text.size()) emit(Stretch{done, text.size(), false});
  }
};

SplitRegex::SplitRegex(const SplitStage& stage) : compiled_(std::make_unique<Compiled>()) {
  int error = 0;
  std::size_t offset = 0;
  const std::string& pattern = stage.pattern;
  compiled_->stage = stage;
  compiled_->code = compile(stage.literal ? pattern : with_white_space_property(pattern), stage.literal, error, offset);
  // PCRE2 before 10.40 has no such property.
  if (!compiled_->code) compiled_->code = compile(pattern, stage.literal, error, offset);
  require(compiled_->code != nullptr,
          "split regex '" + pattern + "' does not compile at offset " + std::to_string(offset) + ": " + message(error));
  compiled_->jit = pcre2_jit_compile(compiled_->code, PCRE2_JIT_COMPLETE | PCRE2_JIT_PARTIAL_HARD) == 0;
  compiled_->limits = pcre2_match_context_create(nullptr);
  pcre2_set_match_limit(compiled_->limits, 1'000'000'000);
  compiled_->cuts =
      stage.behaviour == SplitBehaviour::isolated && (stage.literal || looks_ahead_only(compiled_->code, pattern));
}

SplitRegex::~SplitRegex() = default;
SplitRegex::SplitRegex(SplitRegex&&) noexcept = default;
SplitRegex& SplitRegex::operator=(SplitRegex&&) noexcept = default;
bool SplitRegex::allows_cuts() const {
  return compiled_->cuts;
}

void SplitRegex::split(std::string_view text, std::vector<std::string_view>& pieces) const {
  Walk walk{*compiled_, text};
  const auto put = [&](const Stretch& s) { pieces.push_back(text.substr(s.begin, s.end - s.begin)); };
  if (compiled_->stage.behaviour == SplitBehaviour::isolated) return walk.run(put);
  std::vector<Stretch> stretches;
  walk.run([&](Stretch s) {
    s.matched = s.matched != compiled_->stage.invert;
    stretches.push_back(s);
  });
  for (const Stretch& s : joined(stretches, compiled_->stage.behaviour)) put(s);
}

void SplitRegex::split(std::string_view text, std::vector<std::string_view>& pieces, std::size_t stride,
                       std::vector<CertainCut>& cuts) const {
  expect(allows_cuts() && stride > 0, "certain cuts are not to be had from this split regex");
  Walk{*compiled_, text, stride, &cuts}.run(
      [&](const Stretch& s) { pieces.push_back(text.substr(s.begin, s.end - s.begin)); });
}

Pretokenizer::Pretokenizer(const std::vector<SplitStage>& stages) {
  for (const auto& stage : stages) regexes_.emplace_back(stage);
}

std::vector<std::string_view> Pretokenizer::finish(std::vector<std::string_view> pieces) const {
  for (std::size_t stage = 1; stage < regexes_.size(); ++stage) {
    std::vector<std::string_view> finer;
    finer.reserve(2 * pieces.size());
    for (const auto piece : pieces) regexes_[stage].split(piece, finer);
    pieces = std::move(finer);
  }
  return pieces;
}

std::vector<std::string_view> Pretokenizer::split(std::string_view text) const {
  if (text.empty()) return {};
  if (regexes_.empty()) return {text};
  std::vector<std::string_view> pieces;
  pieces.reserve(text.size() / 4 + 1);
  regexes_[0].split(text, pieces);
  return finish(std::move(pieces));
}

std::vector<std::string_view> Pretokenizer::split(std::string_view text, std::size_t stride,
                                                  std::vector<CertainCut>& cuts) const {
  if (text.empty() || regexes_.empty() || !regexes_[0].allows_cuts()) return split(text);
  std::vector<std::string_view> pieces;
  pieces.reserve(text.size() / 4 + 1);
  regexes_[0].split(text, pieces, stride, cuts);
  return finish(std::move(pieces));
}

}  // namespace clawrl
