#include "prompt/jinja/json.hpp"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "prompt/python_json.hpp"
#include "prompt/utf8.hpp"

namespace clawrl::jinja {
namespace {

class Builder : public nlohmann::json_sax<nlohmann::json> {
 public:
  Value result = None{};
  std::string problem;

  bool null() override { return add(None{}); }
  bool boolean(bool v) override { return add(v); }
  bool number_integer(number_integer_t v) override { return add(std::int64_t{v}); }
  bool number_unsigned(number_unsigned_t v) override {
    if (v <= static_cast<number_unsigned_t>(INT64_MAX)) return add(static_cast<std::int64_t>(v));
    return add(BigInteger{std::make_shared<const std::string>(std::to_string(v))});
  }
  bool number_float(number_float_t v, const string_t& written) override {
    if (written.find_first_of(".eE") != std::string::npos) return add(double{v});
    return add(BigInteger{std::make_shared<const std::string>(written)});  // of more than 64 bits
  }
  bool string(string_t& v) override { return add(data_text(std::move(v))); }
  bool binary(binary_t&) override { return false; }
  bool key(string_t& v) override { return open_.back().key = data_text(std::move(v)), true; }
  bool start_object(std::size_t) override { return open(true); }
  bool start_array(std::size_t) override { return open(false); }
  bool end_object() override {
    Value made = dict_value(std::move(open_.back().dict));
    open_.pop_back();
    return add(std::move(made));
  }
  bool end_array() override {
    Value made = list_value(std::move(open_.back().list));
    open_.pop_back();
    return add(std::move(made));
  }
  bool parse_error(std::size_t byte, const std::string&, const nlohmann::json::exception&) override {
    problem = "no valid JSON at byte " + std::to_string(byte);
    return false;
  }

 private:
  struct Open {
    bool object = false;
    Dict dict;
    std::vector<Value> list;
    Value key = None{};
  };

  bool open(bool object) {
    if (open_.size() >= static_cast<std::size_t>(Limits{}.value_depth))
      throw Problem("limit value_depth = " + std::to_string(Limits{}.value_depth) + " exceeded");
    open_.push_back({object, {}, {}, None{}});
    return true;
  }

  bool add(Value value) {
    if (open_.empty())
      result = std::move(value);
    else if (open_.back().object)
      open_.back().dict.set(std::move(open_.back().key), std::move(value));
    else
      open_.back().list.push_back(std::move(value));
    return true;
  }

  std::vector<Open> open_;
};

class Writer {
 public:
  Writer(Text& out, const JsonStyle& style, const Limits& limits) : out_(out), style_(style), limits_(limits) {}

  void write(const Value& value) {
    if (out_.size() > limits_.string_bytes)
      throw Problem("limit string_bytes = " + std::to_string(limits_.string_bytes) + " exceeded");
    if (const Text* text = as_text(value)) return write(*text);
    if (const List* list = as_list(value)) return write(*list);
    if (const Dict* dict = as_dict(value)) return write(*dict);
    out_.append_template(scalar(value));
  }

 private:
  static std::string scalar(const Value& value) {
    if (is_none(value)) return "null";
    if (const bool* flag = get_if<bool>(value)) return *flag ? "true" : "false";
    if (const auto* integer = get_if<std::int64_t>(value)) return std::to_string(*integer);
    if (const double* real = get_if<double>(value)) return python_float(*real);
    if (const auto* big = get_if<BigInteger>(value)) return *big->digits;
    throw Problem(describe(value) + " cannot be written as JSON");
  }

  std::string escaped(std::string_view character) const {
    static constexpr std::string_view special = "\"\\\n\r\t\f\b", letters = "\"\\nrtfb";
    const char32_t code = code_point(character);
    const auto known = character.size() == 1 ? special.find(character[0]) : std::string_view::npos;
    if (known != std::string_view::npos) return {'\\', letters[known]};
    if (code >= 0x20 && (code < 0x7F || !style_.ensure_ascii || code == 0x7F)) return std::string(character);
    const auto unit = [](unsigned u) {
      char text[16];
      std::snprintf(text, sizeof text, "\\u%04x", u);
      return std::string(text);
    };
    if (code < 0x10000) return unit(static_cast<unsigned>(code));
    const auto rest = static_cast<unsigned>(code - 0x10000);
    return unit(0xD800 + (rest >> 10)) + unit(0xDC00 + (rest & 0x3FF));
  }

  bool plain(unsigned char c) const { return c >= 0x20 && c != '"' && c != '\\' && (c < 0x80 || !style_.ensure_ascii); }

  void write(const Text& text) {
    const std::string& bytes = text.bytes();
    OriginCursor origin(text);
    out_.append_template("\"");
    for (std::size_t i = 0; i < bytes.size();) {
      std::size_t end = i;
      while (end < bytes.size() && plain(static_cast<unsigned char>(bytes[end]))) ++end;
      out_.append(text, i, end);
      if ((i = end) == bytes.size()) break;
      const std::size_t length = utf8_step(std::string_view(bytes).substr(i)).length;
      out_.append(escaped(std::string_view(bytes).substr(i, length)), origin.is_data(i));
      i += length;
    }
    out_.append_template("\"");
  }

  void line() {
    if (!style_.pretty) return;
    out_.append_template("\n");
    for (int i = 0; i < level_; ++i) out_.append_template(style_.indent);
  }

  void write(const List& list) {
    if (list.items.empty()) return out_.append_template("[]");
    out_.append_template("[");
    ++level_;
    for (std::size_t i = 0; i < list.items.size(); ++i) {
      if (i > 0) out_.append_template(style_.item_separator);
      line();
      write(list.items[i]);
    }
    --level_;
    line();
    out_.append_template("]");
  }

  void write(const Dict& dict) {
    if (dict.items().empty()) return out_.append_template("{}");
    std::vector<const Dict::Item*> items;
    for (const auto& item : dict.items()) items.push_back(&item);
    if (style_.sort_keys)
      std::stable_sort(items.begin(), items.end(),
                       [](const auto* a, const auto* b) { return less(a->first, b->first); });
    out_.append_template("{");
    ++level_;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out_.append_template(style_.item_separator);
      line();
      const Text* key = as_text(items[i]->first);
      write(key ? *key : Text::of_template(scalar(items[i]->first)));
      out_.append_template(style_.key_separator);
      write(items[i]->second);
    }
    --level_;
    line();
    out_.append_template("}");
  }

  Text& out_;
  const JsonStyle& style_;
  const Limits& limits_;
  int level_ = 0;
};

}  // namespace

Value parse_json(std::string_view json) {
  Builder builder;
  if (!nlohmann::json::sax_parse(json.begin(), json.end(), &builder))
    throw Problem(builder.problem.empty() ? "no valid JSON" : builder.problem);
  return std::move(builder.result);
}

void append_json(Text& out, const Value& value, const JsonStyle& style, const Limits& limits) {
  Writer(out, style, limits).write(value);
}

}  // namespace clawrl::jinja
