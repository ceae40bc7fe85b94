#include "prompt/python_json.hpp"

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

namespace clawrl {
namespace {

std::string json_string(const std::string& text) {
  static constexpr const char* hex = "0123456789abcdef";
  std::string made = "\"";
  for (const char c : text) {
    switch (c) {
      case '"': made += "\\\""; break;
      case '\\': made += "\\\\"; break;
      case '\n': made += "\\n"; break;
      case '\r': made += "\\r"; break;
      case '\t': made += "\\t"; break;
      case '\f': made += "\\f"; break;
      case '\b': made += "\\b"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20)
          made += {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
        else
          made += c;
    }
  }
  return made + '"';
}

/// Rewrites while it parses, so that numbers and key order stay as they were written.
class Rewriter : public nlohmann::json_sax<nlohmann::json> {
 public:
  std::string text;
  std::vector<std::string> elements;  // of the outermost array, once it has ended
  bool is_array = false;

  bool null() override { return value("null"); }
  bool boolean(bool v) override { return value(v ? "true" : "false"); }
  bool number_integer(number_integer_t v) override { return value(std::to_string(v)); }
  bool number_unsigned(number_unsigned_t v) override { return value(std::to_string(v)); }
  bool number_float(number_float_t v, const string_t& written) override {
    const bool is_integer = written.find_first_of(".eE") == std::string::npos;  // of more than 64 bits
    return value(is_integer ? written : python_float(v));
  }
  bool string(string_t& v) override { return value(json_string(v)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open('{'); }
  bool end_object() override { return close('}'); }
  bool key(string_t& name) override {
    separate();
    text += json_string(name) + ": ";
    after_key_ = true;
    return true;
  }
  bool start_array(std::size_t) override {
    if (depth_ == 0) is_array = true;
    return open('[');
  }
  bool end_array() override { return close(']'); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception&) override { return false; }

 private:
  bool value(const std::string& written) {
    separate();
    text += written;
    if (depth_ == 1) end_element();
    return true;
  }
  bool open(char bracket) {
    separate();
    text += bracket;
    first_ = true;
    ++depth_;
    if (depth_ == 1) element_begin_ = text.size();
    return true;
  }
  bool close(char bracket) {
    text += bracket;
    first_ = false;
    --depth_;
    if (depth_ == 1) end_element();
    return true;
  }
  void separate() {
    if (!after_key_ && !first_ && depth_ > 0) {
      text += ", ";
      if (depth_ == 1) element_begin_ = text.size();
    }
    first_ = after_key_ = false;
  }
  void end_element() {
    if (is_array) elements.push_back(text.substr(element_begin_));
  }

  int depth_ = 0;
  bool first_ = true, after_key_ = false;
  std::size_t element_begin_ = 0;
};

bool rewrite(std::string_view json, Rewriter& rewriter) {
  return nlohmann::json::sax_parse(json.begin(), json.end(), &rewriter);
}

}  // namespace

std::string python_float(double value) {
  char digits[64];
  // Python's repr goes over to an exponent below 1e-4 and from 1e16 on.
  const double size = std::fabs(value);
  const bool fixed = size == 0 || (size >= 1e-4 && size < 1e16);
  const auto end = std::to_chars(digits, digits + sizeof digits, value,
                                 fixed ? std::chars_format::fixed : std::chars_format::scientific);
  std::string text(digits, end.ptr);
  if (fixed && text.find('.') == std::string::npos) text += ".0";
  return text;
}

std::optional<std::string> python_json(std::string_view json) {
  Rewriter rewriter;
  if (!rewrite(json, rewriter)) return std::nullopt;
  return std::move(rewriter.text);
}

std::optional<std::vector<std::string>> python_json_elements(std::string_view json_array) {
  Rewriter rewriter;
  if (!rewrite(json_array, rewriter) || !rewriter.is_array) return std::nullopt;
  return std::move(rewriter.elements);
}

}  // namespace clawrl
