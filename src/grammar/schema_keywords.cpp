#include "grammar/schema_keywords.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.hpp"

namespace clawrl::grammar {
namespace {

const std::set<std::string> annotations = {"$schema",  "$id",         "$comment", "$defs",    "definitions",
                                           "title",    "description", "default",  "examples", "deprecated",
                                           "readOnly", "writeOnly",   "format"};
const std::set<std::string> supported = {"type",
                                         "properties",
                                         "required",
                                         "additionalProperties",
                                         "items",
                                         "prefixItems",
                                         "minItems",
                                         "maxItems",
                                         "enum",
                                         "const",
                                         "anyOf",
                                         "oneOf",
                                         "allOf",
                                         "$ref",
                                         "minLength",
                                         "maxLength",
                                         "pattern",
                                         "minimum",
                                         "maximum",
                                         "exclusiveMinimum",
                                         "exclusiveMaximum"};

[[noreturn]] void refuse(const std::string& keyword, const std::string& path, const std::string& why) {
  throw UserError("keyword '" + keyword + "' at " + path + " " + why);
}

Schema as_list(const Schema& value) {
  return value.is_array() ? value : Schema::array({value});
}

Schema common_types(const Schema& a, const Schema& b) {
  Schema both = Schema::array();
  for (const auto& x : as_list(a)) {
    for (const auto& y : as_list(b)) {
      if (x == y)
        both.push_back(x);
      else if ((x == "integer" && y == "number") || (x == "number" && y == "integer"))
        both.push_back("integer");
    }
  }
  return both;
}

Schema common_values(const Schema& a, const Schema& b) {
  Schema both = Schema::array();
  for (const auto& x : a)
    if (std::find(b.begin(), b.end(), x) != b.end()) both.push_back(x);
  return both;
}

void merge_properties(Schema& into, const Schema& from) {
  for (const auto& [name, schema] : from.items()) {
    if (!into.contains(name))
      into[name] = schema;
    else if (into[name] != schema)
      into[name] = Schema{{"allOf", Schema::array({into[name], schema})}};
  }
}

/// additionalProperties speaks of the properties beside it only.
void check_additional(const Schema& closed, const Schema& other, const std::string& path) {
  const auto rule = closed.find("additionalProperties");
  if (rule == closed.end() || *rule == true || !other.contains("properties")) return;
  for (const auto& [name, schema] : other["properties"].items())
    if (!closed.contains("properties") || !closed["properties"].contains(name))
      refuse("additionalProperties", path, "cannot be combined with properties of another schema that holds too");
}

void merge_keyword(Schema& a, const std::string& keyword, const Schema& value, const std::string& path) {
  Schema& own = a[keyword];
  if (keyword == "properties" && own.is_object() && value.is_object()) return merge_properties(own, value);
  if (keyword == "type") {
    own = common_types(own, value);
  } else if (keyword == "required" && own.is_array() && value.is_array()) {
    for (const auto& name : value)
      if (std::find(own.begin(), own.end(), name) == own.end()) own.push_back(name);
  } else if (keyword == "enum" && own.is_array() && value.is_array()) {
    own = common_values(own, value);
  } else if ((keyword.starts_with("min") || keyword == "exclusiveMinimum") && own.is_number() && value.is_number()) {
    if (value > own) own = value;
  } else if ((keyword.starts_with("max") || keyword == "exclusiveMaximum") && own.is_number() && value.is_number()) {
    if (value < own) own = value;
  } else if (own != value) {
    refuse(keyword, path, "is given twice by schemas that hold together, which is not supported");
  }
}

}  // namespace

bool is_annotation(const std::string& keyword) {
  return annotations.contains(keyword);
}

bool says_nothing(const Schema& schema) {
  return std::all_of(schema.items().begin(), schema.items().end(),
                     [](const auto& item) { return is_annotation(item.key()); });
}

void check_keywords(const Schema& schema, const std::string& path) {
  for (const auto& [keyword, value] : schema.items()) {
    if (keyword == "uniqueItems" && value == false) continue;
    if (!is_annotation(keyword) && !supported.contains(keyword)) refuse(keyword, path, "is not supported");
  }
}

Schema merged(Schema a, const Schema& b, const std::string& path) {
  check_additional(a, b, path);
  check_additional(b, a, path);
  const bool tuples = a.contains("prefixItems") || b.contains("prefixItems");
  if (tuples && (a.contains("items") || a.contains("prefixItems")) &&
      (b.contains("items") || b.contains("prefixItems")))
    refuse("prefixItems", path, "cannot be combined with items of another schema that holds too");
  for (const auto& [keyword, value] : b.items()) {
    if (is_annotation(keyword)) continue;
    if (a.contains(keyword))
      merge_keyword(a, keyword, value, path);
    else
      a[keyword] = value;
  }
  return a;
}

}  // namespace clawrl::grammar
