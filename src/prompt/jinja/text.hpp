#pragma once
// Text that remembers who wrote each byte: the template, or the conversation (data). All string operations keep it, so
// that nothing a user wrote can become a control token.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "prompt/text_range.hpp"

namespace clawrl::jinja {

/// UTF-8. `data()` are ascending, disjoint, non-touching ranges; what is outside was written by the template.
class Text {
 public:
  Text() = default;
  static Text of_template(std::string bytes);
  static Text of_data(std::string bytes);

  const std::string& bytes() const { return bytes_; }
  const std::vector<TextRange>& data() const { return data_; }
  std::size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }
  /// Bytes of memory, roughly.
  std::size_t footprint() const { return bytes_.size() + data_.size() * sizeof(TextRange); }

  void append_template(std::string_view bytes) { bytes_ += bytes; }
  void append_data(std::string_view bytes);
  void append(std::string_view bytes, bool is_data) { is_data ? append_data(bytes) : append_template(bytes); }
  void append(const Text& other) { append(other, 0, other.size()); }
  void append(const Text& other, std::size_t begin, std::size_t end);
  Text slice(std::size_t begin, std::size_t end) const;

 private:
  std::string bytes_;
  std::vector<TextRange> data_;
};

/// Goes through a text's positions in ascending order.
class OriginCursor {
 public:
  explicit OriginCursor(const Text& text) : ranges_(text.data()) {}
  bool is_data(std::size_t position);

 private:
  const std::vector<TextRange>& ranges_;
  std::size_t next_ = 0;
};

/// Python's notion of a blank: what str.strip() and str.split() take.
bool is_python_space(char32_t code);

/// Bounds of the text without blanks (or without the characters of `set`, if given) at the chosen ends.
TextRange stripped(std::string_view text, bool left, bool right, const std::string* set = nullptr);

/// Number of code points of valid UTF-8.
std::size_t count_characters(std::string_view text);

}  // namespace clawrl::jinja
