#pragma once
// Cuts a text into the pieces within which merges may happen.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace clawrl {

/// One compiled regex (PCRE2, UTF + UCP, JIT where the machine has it). Thread-safe.
class SplitRegex {
 public:
  /// Throws UserError naming the pattern if it does not compile.
  explicit SplitRegex(const std::string& pattern);
  ~SplitRegex();
  SplitRegex(SplitRegex&&) noexcept;
  SplitRegex& operator=(SplitRegex&&) noexcept;

  /// Appends the matches and what lies between them, in order ("Isolated"); `text` is valid UTF-8 and must outlive the
  /// pieces. Throws UserError if matching exceeds PCRE2's limits.
  void split(std::string_view text, std::vector<std::string_view>& pieces) const;

 private:
  struct Compiled;
  std::unique_ptr<Compiled> compiled_;
};

/// Several regexes one after the other, each on the pieces of the one before; none = the text is one piece.
class Pretokenizer {
 public:
  explicit Pretokenizer(const std::vector<std::string>& patterns);
  std::vector<std::string_view> split(std::string_view text) const;

 private:
  std::vector<SplitRegex> regexes_;
};

}  // namespace clawrl
