#pragma once
// One compiled regex with bounded effort, for what is redacted and for what replies are held to (audit/).

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace clawrl::privacy {

/// Half-open range of bytes.
struct Span {
  std::size_t begin = 0, end = 0;
};

/// Thread-safe once made. Where the regex has a group named `secret` and it took part, that group is the hit.
class Pattern {
 public:
  /// built_in: bytes, compiled to machine code; its regexes are written to need linear time.
  /// own: UTF-8, interpreted, because only there each step of backtracking counts against the limit.
  enum class Kind { built_in, own };
  enum class Found { no, yes, too_costly };

  /// UserError "<where>: ..." when the regex does not compile.
  Pattern(const std::string& regex, Kind kind, const std::string& where);
  ~Pattern();
  Pattern(Pattern&&) noexcept;

  /// The first match that begins at `from` or later and is not empty.
  Found find(std::string_view text, std::size_t from, Span& hit) const;

 private:
  struct Compiled;
  std::unique_ptr<Compiled> compiled_;
};

}  // namespace clawrl::privacy
