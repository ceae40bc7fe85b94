#include "prompt/jinja/text_functions.hpp"

#include <utf8proc.h>

#include <algorithm>

#include "prompt/utf8.hpp"

namespace clawrl::jinja {
namespace {

/// Letters, and what stands above one of them, go with the case of the word.
bool is_cased(char32_t code) {
  const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(code));
  return category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LL || category == UTF8PROC_CATEGORY_LT;
}

std::string cased(std::string_view character, bool upper, bool title) {
  const auto code = static_cast<utf8proc_int32_t>(code_point(character));
  if (code == 0xDF && upper) return title ? "Ss" : "SS";
  const auto mapped = !upper ? utf8proc_tolower(code) : title ? utf8proc_totitle(code) : utf8proc_toupper(code);
  return to_utf8(static_cast<char32_t>(mapped));
}

void add(const Limits& limits, std::vector<Text>& parts, Text part) {
  if (parts.size() >= limits.list_items)
    throw Problem("limit list_items = " + std::to_string(limits.list_items) + " exceeded");
  parts.push_back(std::move(part));
}

}  // namespace

Text with_case(const Text& text, LetterCase wanted) {
  Text made;
  OriginCursor origin(text);
  const std::string_view bytes = text.bytes();
  bool after_letter = false;
  for (std::size_t i = 0; i < bytes.size();) {
    const auto character = bytes.substr(i, utf8_step(bytes.substr(i)).length);
    const bool first = wanted == LetterCase::title ? !after_letter : i == 0;
    const bool title = first && (wanted == LetterCase::title || wanted == LetterCase::capitalized);
    made.append(cased(character, wanted == LetterCase::upper || title, title), origin.is_data(i));
    after_letter = is_cased(code_point(character));
    i += character.size();
  }
  return made;
}

Text replaced(Budget& budget, const Text& text, const Text& old, const Text& by, std::int64_t most) {
  Text made;
  const std::string& bytes = text.bytes();
  budget.search(bytes.size(), old.size());
  std::size_t done = 0;
  const auto put = [&](std::size_t until) {
    made.append(text, done, until);
    made.append(by);
    if (made.footprint() > budget.limits().string_bytes) budget.string(made.footprint());
  };
  if (old.empty()) {
    for (; most != 0 && done < bytes.size(); --most) {
      put(done);
      const std::size_t next = done + utf8_step(std::string_view(bytes).substr(done)).length;
      made.append(text, done, next);
      done = next;
    }
    if (most != 0) put(done);
  } else {
    for (std::size_t i; most != 0 && (i = bytes.find(old.bytes(), done)) != std::string::npos; --most) {
      put(i);
      done = i + old.size();
    }
  }
  made.append(text, done, bytes.size());
  return made;
}

std::vector<Text> split(const Limits& limits, const Text& text, const std::string& separator, std::int64_t most,
                        bool from_right) {
  if (separator.empty()) throw Problem("a separator must not be empty");
  const std::string& bytes = text.bytes();
  std::vector<Text> parts;
  if (!from_right) {
    std::size_t begin = 0;
    for (std::size_t i; most != 0 && (i = bytes.find(separator, begin)) != std::string::npos; --most) {
      add(limits, parts, text.slice(begin, i));
      begin = i + separator.size();
    }
    add(limits, parts, text.slice(begin, bytes.size()));
    return parts;
  }
  std::size_t end = bytes.size();
  while (most != 0 && end >= separator.size()) {
    const std::size_t i = bytes.rfind(separator, end - separator.size());
    if (i == std::string::npos) break;
    add(limits, parts, text.slice(i + separator.size(), end));
    end = i;
    --most;
  }
  add(limits, parts, text.slice(0, end));
  std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<Text> split_words(const Limits& limits, const Text& text, std::int64_t most) {
  const std::string_view bytes = text.bytes();
  const auto is_blank = [&](std::size_t i) { return is_python_space(code_point(bytes.substr(i))); };
  std::vector<Text> words;
  for (std::size_t i = 0;;) {
    i += stripped(bytes.substr(i), true, false).begin;
    if (i == bytes.size()) return words;
    if (most-- == 0) {
      add(limits, words, text.slice(i, stripped(bytes, false, true).end));
      return words;
    }
    const std::size_t begin = i;
    while (i < bytes.size() && !is_blank(i)) i += utf8_step(bytes.substr(i)).length;
    add(limits, words, text.slice(begin, i));
  }
}

std::vector<Text> split_lines(const Limits& limits, const Text& text, bool keep_ends) {
  const std::string_view bytes = text.bytes();
  std::vector<Text> lines;
  for (std::size_t begin = 0; begin < bytes.size();) {
    std::size_t end = begin, next = bytes.size();
    for (; end < bytes.size(); end += utf8_step(bytes.substr(end)).length) {
      const char32_t code = code_point(bytes.substr(end));
      const bool ends = (code >= 0x0A && code <= 0x0D) || (code >= 0x1C && code <= 0x1E) || code == 0x85 ||
                        code == 0x2028 || code == 0x2029;
      if (!ends) continue;
      next = end + (bytes.substr(end).starts_with("\r\n") ? 2 : utf8_step(bytes.substr(end)).length);
      break;
    }
    add(limits, lines, text.slice(begin, keep_ends ? next : end));
    begin = next;
  }
  return lines;
}

std::vector<std::size_t> slice_indices(std::int64_t count, const std::int64_t* begin, const std::int64_t* end,
                                       std::int64_t step) {
  const bool forward = step > 0;
  const std::int64_t lowest = forward ? 0 : -1, highest = forward ? count : count - 1;
  const auto clamp = [&](const std::int64_t* given, std::int64_t missing) {
    if (!given) return missing;
    return std::clamp(*given < 0 ? *given + count : *given, lowest, highest);
  };
  const std::int64_t from = clamp(begin, forward ? 0 : highest), to = clamp(end, forward ? count : -1);
  std::vector<std::size_t> indices;
  if (forward) {
    for (std::int64_t i = from; i < to; i += std::min(step, count)) indices.push_back(static_cast<std::size_t>(i));
  } else {
    for (std::int64_t i = from; i > to; i -= std::min(step == INT64_MIN ? INT64_MAX : -step, count + 1))
      indices.push_back(static_cast<std::size_t>(i));
  }
  return indices;
}

}  // namespace clawrl::jinja
