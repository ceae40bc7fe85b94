#pragma once
// Is a JSON value valid? A plain reading of the specification, independent of the grammar.

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <regex>
#include <string>

namespace clawrl::test {

using Json = nlohmann::json;

class SchemaChecker {
 public:
  explicit SchemaChecker(Json root) : root_(std::move(root)) {}
  bool valid(const Json& value) const { return valid(root_, value); }

 private:
  static bool of_type(const Json& v, const std::string& type) {
    if (type == "integer") return v.is_number() && std::floor(v.get<double>()) == v.get<double>();
    if (type == "number") return v.is_number();
    if (type == "null") return v.is_null();
    return type == v.type_name();
  }
  static std::size_t length(const std::string& text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
  }
  bool all_of(const Json& s, const Json& v, const char* key) const {
    return !s.contains(key) ||
           std::all_of(s[key].begin(), s[key].end(), [&](const Json& part) { return valid(part, v); });
  }
  bool any_of(const Json& s, const Json& v, const char* key) const {
    return !s.contains(key) ||
           std::any_of(s[key].begin(), s[key].end(), [&](const Json& part) { return valid(part, v); });
  }
  bool valid(const Json& s, const Json& v) const {
    if (s.is_boolean()) return s.get<bool>();
    if (s.contains("$ref") && !valid(root_.at(Json::json_pointer(s["$ref"].get<std::string>().substr(1))), v))
      return false;
    if (s.contains("type")) {
      const Json types = s["type"].is_array() ? s["type"] : Json::array({s["type"]});
      if (std::none_of(types.begin(), types.end(), [&](const Json& t) { return of_type(v, t); })) return false;
    }
    if (s.contains("enum") && std::find(s["enum"].begin(), s["enum"].end(), v) == s["enum"].end()) return false;
    if (s.contains("const") && s["const"] != v) return false;
    if (!all_of(s, v, "allOf") || !any_of(s, v, "anyOf") || !any_of(s, v, "oneOf")) return false;
    if (v.is_object()) return object(s, v);
    if (v.is_array()) return array(s, v);
    if (v.is_number()) return number(s, v.get<double>());
    return !v.is_string() || string(s, v.get<std::string>());
  }
  bool object(const Json& s, const Json& v) const {
    for (const auto& name : s.value("required", Json::array()))
      if (!v.contains(name.get<std::string>())) return false;
    for (const auto& [name, value] : v.items()) {
      const bool named = s.contains("properties") && s["properties"].contains(name);
      if (named && !valid(s["properties"][name], value)) return false;
      if (!named && s.contains("additionalProperties") && !valid(s["additionalProperties"], value)) return false;
    }
    return true;
  }
  bool array(const Json& s, const Json& v) const {
    if (v.size() < s.value("minItems", 0U) || v.size() > s.value("maxItems", 1000000U)) return false;
    const std::size_t fixed = s.contains("prefixItems") ? s["prefixItems"].size() : 0;
    for (std::size_t i = 0; i < v.size(); ++i) {
      if (i < fixed ? !valid(s["prefixItems"][i], v[i]) : s.contains("items") && !valid(s["items"], v[i])) return false;
    }
    return true;
  }
  static bool number(const Json& s, double v) {
    return !(s.contains("minimum") && v < s["minimum"].get<double>()) &&
           !(s.contains("maximum") && v > s["maximum"].get<double>()) &&
           !(s.contains("exclusiveMinimum") && v <= s["exclusiveMinimum"].get<double>()) &&
           !(s.contains("exclusiveMaximum") && v >= s["exclusiveMaximum"].get<double>());
  }
  static bool string(const Json& s, const std::string& v) {
    if (length(v) < s.value("minLength", 0U) || length(v) > s.value("maxLength", 1000000U)) return false;
    return !s.contains("pattern") || std::regex_search(v, std::regex(s["pattern"].get<std::string>()));
  }

  Json root_;
};

}  // namespace clawrl::test
