#pragma once
// Cuts a text into the pieces within which merges may happen.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace clawrl {

/// What becomes of a match and of what lies between matches, named as in tokenizer.json.
enum class SplitBehaviour : std::uint8_t { isolated, removed, merged_with_previous, merged_with_next, contiguous };

struct SplitStage {
  std::string pattern;  // regex, or plain text if `literal`
  bool literal = false;
  SplitBehaviour behaviour = SplitBehaviour::isolated;
  bool invert = false;  // what lies between the matches counts as matched
};

/// Every text that begins with the same `certain` bytes has the same pieces up to `end`, and a piece ends there.
struct CertainCut {
  std::size_t certain = 0, end = 0;
};

/// One compiled regex (PCRE2, UTF + UCP, JIT where the machine has it). Thread-safe.
class SplitRegex {
 public:
  /// Throws UserError naming the pattern if it does not compile.
  explicit SplitRegex(const SplitStage& stage);
  ~SplitRegex();
  SplitRegex(SplitRegex&&) noexcept;
  SplitRegex& operator=(SplitRegex&&) noexcept;

  /// Appends the pieces in order; `text` is valid UTF-8 and must outlive them. Throws UserError if matching exceeds
  /// PCRE2's limits.
  void split(std::string_view text, std::vector<std::string_view>& pieces) const;

  /// The same, and about every `stride` bytes a cut, proven by partial matching: no match before it looked at more than
  /// `certain` bytes. Only if allows_cuts().
  void split(std::string_view text, std::vector<std::string_view>& pieces, std::size_t stride,
             std::vector<CertainCut>& cuts) const;

  /// False for patterns that look back, and for behaviours that join a match with its neighbours.
  bool allows_cuts() const;

 private:
  struct Compiled;
  struct Walk;
  std::unique_ptr<Compiled> compiled_;
};

/// Several stages one after the other, each on the pieces of the one before; none = the text is one piece. Thread-safe.
class Pretokenizer {
 public:
  explicit Pretokenizer(const std::vector<SplitStage>& stages);
  std::vector<std::string_view> split(std::string_view text) const;

  /// Also certain cuts, see SplitRegex; none if the first stage does not allow them.
  std::vector<std::string_view> split(std::string_view text, std::size_t stride, std::vector<CertainCut>& cuts) const;

 private:
  std::vector<std::string_view> finish(std::vector<std::string_view> pieces) const;
  std::vector<SplitRegex> regexes_;
};

}  // namespace clawrl
