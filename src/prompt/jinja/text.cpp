#include "prompt/jinja/text.hpp"

#include <algorithm>

#include "prompt/unicode.hpp"
#include "prompt/utf8.hpp"

namespace clawrl::jinja {
namespace {

std::string_view first_character(std::string_view text) {
  return text.substr(0, utf8_step(text).length);
}

std::string_view last_character(std::string_view text) {
  std::size_t begin = text.size() - 1;
  while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
  return text.substr(begin);
}

bool strips(std::string_view character, const std::string* set) {
  return set ? set->find(character) != std::string::npos : is_python_space(code_point(character));
}

}  // namespace

Text Text::of_template(std::string bytes) {
  Text text;
  text.bytes_ = std::move(bytes);
  return text;
}

Text Text::of_data(std::string bytes) {
  Text text;
  if (!bytes.empty()) text.data_.push_back({0, bytes.size()});
  text.bytes_ = std::move(bytes);
  return text;
}

void Text::append_data(std::string_view bytes) {
  if (bytes.empty()) return;
  const std::size_t begin = bytes_.size();
  bytes_ += bytes;
  if (!data_.empty() && data_.back().end == begin)
    data_.back().end = bytes_.size();
  else
    data_.push_back({begin, bytes_.size()});
}

void Text::append(const Text& other, std::size_t begin, std::size_t end) {
  const std::size_t offset = bytes_.size();
  bytes_.append(other.bytes_, begin, end - begin);
  auto range = std::partition_point(other.data_.begin(), other.data_.end(),
                                    [&](const TextRange& one) { return one.end <= begin; });
  for (; range != other.data_.end() && range->begin < end; ++range) {
    const std::size_t from = offset + std::max(range->begin, begin) - begin;
    const std::size_t to = offset + std::min(range->end, end) - begin;
    if (!data_.empty() && data_.back().end == from)
      data_.back().end = to;
    else
      data_.push_back({from, to});
  }
}

Text Text::slice(std::size_t begin, std::size_t end) const {
  Text text;
  text.append(*this, begin, end);
  return text;
}

bool OriginCursor::is_data(std::size_t position) {
  while (next_ < ranges_.size() && ranges_[next_].end <= position) ++next_;
  return next_ < ranges_.size() && ranges_[next_].begin <= position;
}

bool is_python_space(char32_t code) {
  return is_white_space(code) || (code >= 0x1C && code <= 0x1F);
}

TextRange stripped(std::string_view text, bool left, bool right, const std::string* set) {
  TextRange range{0, text.size()};
  while (left && range.begin < range.end) {
    const auto character = first_character(text.substr(range.begin));
    if (!strips(character, set)) break;
    range.begin += character.size();
  }
  while (right && range.begin < range.end) {
    const auto character = last_character(text.substr(0, range.end));
    if (!strips(character, set)) break;
    range.end -= character.size();
  }
  return range;
}

std::size_t count_characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace clawrl::jinja
