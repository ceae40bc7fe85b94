#define PCRE2_CODE_UNIT_WIDTH 8
#include "privacy/pattern.hpp"

#include <pcre2.h>

#include "core/error.hpp"

namespace clawrl::privacy {
namespace {

constexpr std::uint32_t built_in_limit = 1'000'000;
constexpr std::uint32_t own_limit = 20'000;  // steps of backtracking from one place of a text
constexpr std::uint32_t heap_limit_kib = 4096;

struct FreeMatch {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};

std::string message(int code) {
  PCRE2_UCHAR text[160];
  pcre2_get_error_message(code, text, sizeof text);
  return reinterpret_cast<const char*>(text);
}

}  // namespace

struct Pattern::Compiled {
  pcre2_code* code = nullptr;
  pcre2_match_context* limits = nullptr;
  std::uint32_t options = 0;
  int secret_group = 0;  // 0 = the whole match
  ~Compiled() {
    pcre2_match_context_free(limits);
    pcre2_code_free(code);
  }
};

Pattern::Pattern(const std::string& regex, Kind kind, const std::string& where)
    : compiled_(std::make_unique<Compiled>()) {
  int error = 0;
  std::size_t offset = 0;
  const bool own = kind == Kind::own;
  const std::uint32_t options = own ? PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C : 0;
  compiled_->code =
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(regex.data()), regex.size(), options, &error, &offset, nullptr);
  require(compiled_->code != nullptr,
          where + ": the regex does not compile at offset " + std::to_string(offset) + ": " + message(error));
  if (own || pcre2_jit_compile(compiled_->code, PCRE2_JIT_COMPLETE) != 0) compiled_->options = PCRE2_NO_JIT;
  compiled_->limits = pcre2_match_context_create(nullptr);
  pcre2_set_match_limit(compiled_->limits, own ? own_limit : built_in_limit);
  pcre2_set_heap_limit(compiled_->limits, heap_limit_kib);
  const int group = pcre2_substring_number_from_name(compiled_->code, reinterpret_cast<PCRE2_SPTR>("secret"));
  if (group > 0) compiled_->secret_group = group;
}

Pattern::~Pattern() = default;
Pattern::Pattern(Pattern&&) noexcept = default;

Pattern::Found Pattern::find(std::string_view text, std::size_t from, Span& hit) const {
  thread_local const std::unique_ptr<pcre2_match_data, FreeMatch> data(pcre2_match_data_create(16, nullptr));
  const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(data.get());
  const auto subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  while (from <= text.size()) {
    const int found = pcre2_match(compiled_->code, subject, text.size(), from, compiled_->options | PCRE2_NOTEMPTY,
                                  data.get(), compiled_->limits);
    if (found == PCRE2_ERROR_NOMATCH) return Found::no;
    if (found < 0) return Found::too_costly;
    const int group = compiled_->secret_group;
    const bool inner = group > 0 && group < found && bounds[2 * group] != PCRE2_UNSET;
    hit = inner ? Span{bounds[2 * group], bounds[2 * group + 1]} : Span{bounds[0], bounds[1]};
    if (hit.end > hit.begin && hit.begin >= from) return Found::yes;
    from = std::max<std::size_t>(bounds[1], from + 1);
  }
  return Found::no;
}

}  // namespace clawrl::privacy
