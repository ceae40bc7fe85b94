#include "grammar/json_schema.hpp"

#include <algorithm>
#include <cmath>

#include "core/error.hpp"
#include "grammar/schema_compiler.hpp"

namespace clawrl::grammar {
namespace {

constexpr std::size_t max_bytes = 256 * 1024;
constexpr int max_json_depth = 200;

Schema parse(const std::string& text, const std::string& where) {
  require(text.size() <= max_bytes, where + " is larger than " + std::to_string(max_bytes) + " bytes");
  const auto shallow = [&](int depth, nlohmann::detail::parse_event_t, const Schema&) {
    require(depth <= max_json_depth, where + " nests more than " + std::to_string(max_json_depth) + " levels");
    return true;
  };
  try {
    return Schema::parse(text, shallow);
  } catch (const nlohmann::json::exception&) {
    throw UserError(where + " is not JSON");
  }
}

/// Values within, long texts counted for what copying them costs.
std::size_t weight(const Schema& value) {
  if (value.is_string()) return 1 + value.get_ref<const std::string&>().size() / 64;
  std::size_t sum = 1;
  for (const auto& [key, part] : value.items())
    if (value.is_structured()) sum += weight(part) + (value.is_object() ? 1 + key.size() / 64 : 0);
  return sum;
}

bool has_type(const Schema& value, const std::string& type) {
  if (type == "integer") return value.is_number() && std::floor(value.get<double>()) == value.get<double>();
  if (type == "number") return value.is_number();
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  return value.is_null();
}

}  // namespace

void SchemaCompiler::refuse(const std::string& keyword, const std::string& path, const std::string& why) const {
  throw UserError("keyword '" + keyword + "' at " + path + " " + why);
}

/// Schemas that are merged are copied: a large one with many branches would cost its size times their number.
void SchemaCompiler::pay(const Schema& copied, const std::string& path) {
  work_ += weight(copied);
  require(work_ <= max_work,
          path + ": allOf, anyOf and oneOf combine too much (more than " + std::to_string(max_work) + " values)");
}

Expression SchemaCompiler::compile(const Schema& schema, const std::string& path) {
  if (schema == true) return json_.value();
  if (schema == false) return impossible();
  require(schema.is_object(), path + ": a schema is an object, true or false");
  require(++depth_ <= max_depth, path + ": schemas nest more than " + std::to_string(max_depth) + " levels");
  require(++schemas_ <= max_schemas, path + ": more than " + std::to_string(max_schemas) + " schemas within one");
  const int rule = grammar_.add_rule(path);
  grammar_.define(rule, body(schema, path));
  --depth_;
  return call(rule);
}

Expression SchemaCompiler::body(const Schema& schema, const std::string& path) {
  check_keywords(schema, path);
  if (const auto ref = schema.find("$ref"); ref != schema.end()) {
    if (!ref->is_string()) refuse("$ref", path, "must be a string");
    const bool alone = std::all_of(schema.items().begin(), schema.items().end(),
                                   [](const auto& item) { return item.key() == "$ref" || is_annotation(item.key()); });
    if (alone) return reference(ref->get<std::string>(), path);
  }
  const Schema flat = flattened(schema, path, 0);
  if (flat == false) return impossible();
  if (says_nothing(flat)) return json_.value();
  if (flat.contains("enum") || flat.contains("const")) return values(flat, path);
  for (const char* keyword : {"anyOf", "oneOf"})
    if (flat.contains(keyword)) return branches(flat, keyword, path);
  const auto types = types_of(flat, path);
  check_type_keywords(flat, types, path);
  Expression all = choice({});
  for (const auto& type : types) all.parts.push_back(of_type(type, flat, path));
  return all;
}

const Schema& SchemaCompiler::resolve(const std::string& target, const std::string& path) const {
  if (target.empty() || target[0] != '#')
    refuse("$ref", path, "to '" + target + "' is not supported: only within the schema (#/...)");
  try {
    return root_.at(Schema::json_pointer(target.substr(1)));
  } catch (const nlohmann::json::exception&) {
    refuse("$ref", path, "points at '" + target + "', which is not there");
  }
}

Expression SchemaCompiler::reference(const std::string& target, const std::string& path) {
  const auto known = references_.find(target);
  if (known != references_.end()) return call(known->second);
  const Schema& schema = resolve(target, path);
  const int rule = grammar_.add_rule(where_ + target.substr(1));
  references_.emplace(target, rule);
  grammar_.define(rule, compile(schema, where_ + target.substr(1)));
  return call(rule);
}

/// Without allOf and $ref: those are merged in. `false` when one of them is.
Schema SchemaCompiler::flattened(const Schema& schema, const std::string& path, int depth) {
  require(depth <= max_depth,
          path + ": allOf and $ref lead through more than " + std::to_string(max_depth) + " schemas");
  require(++schemas_ <= max_schemas, path + ": more than " + std::to_string(max_schemas) + " schemas within one");
  if (schema == true) return Schema::object();
  if (schema == false) return schema;
  require(schema.is_object(), path + ": a schema is an object, true or false");
  check_keywords(schema, path);
  pay(schema, path);
  if (!schema.contains("allOf") && !schema.contains("$ref")) return schema;
  Schema all = schema;
  all.erase("allOf");
  all.erase("$ref");
  std::vector<Schema> others;
  if (schema.contains("$ref")) {
    if (!schema["$ref"].is_string()) refuse("$ref", path, "must be a string");
    others.push_back(flattened(resolve(schema["$ref"].get<std::string>(), path), path, depth + 1));
  }
  if (schema.contains("allOf")) {
    if (!schema["allOf"].is_array() || schema["allOf"].empty()) refuse("allOf", path, "must be a list of schemas");
    for (std::size_t i = 0; i < schema["allOf"].size(); ++i)
      others.push_back(flattened(schema["allOf"][i], path + "/allOf/" + std::to_string(i), depth + 1));
  }
  for (const auto& other : others) {
    if (other == false) return other;
    pay(all, path);
    all = merged(std::move(all), other, path);
  }
  return all;
}

Expression SchemaCompiler::values(const Schema& schema, const std::string& path) {
  for (const auto& [keyword, value] : schema.items())
    if (keyword != "enum" && keyword != "const" && keyword != "type" && !is_annotation(keyword))
      refuse(keyword, path, "is not supported beside enum or const");
  Schema allowed = schema.contains("enum") ? schema["enum"] : Schema::array({schema["const"]});
  if (!allowed.is_array()) refuse("enum", path, "must be a list");
  if (allowed.size() > max_values) refuse("enum", path, "has more than " + std::to_string(max_values) + " values");
  const auto types = schema.contains("type") ? types_of(schema, path) : std::vector<std::string>{};
  std::vector<std::string> texts;
  for (const auto& value : allowed) {
    if (schema.contains("const") && value != schema["const"]) continue;
    if (schema.contains("type") &&
        std::none_of(types.begin(), types.end(), [&](const auto& type) { return has_type(value, type); }))
      continue;
    texts.push_back(value.dump());
  }
  require(!texts.empty(), path + ": unsatisfiable, enum, const and type leave no value");
  return json_.one_of_dumped(std::move(texts));
}

Expression SchemaCompiler::branches(const Schema& schema, const std::string& keyword, const std::string& path) {
  const Schema& list = schema[keyword];
  if (!list.is_array() || list.empty()) refuse(keyword, path, "must be a list of schemas");
  Schema base = schema;
  base.erase(keyword);
  const bool plain = says_nothing(base);
  Expression all = choice({});
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string at = path + "/" + keyword + "/" + std::to_string(i);
    if (plain) {
      all.parts.push_back(compile(list[i], at));
      continue;
    }
    const Schema branch = flattened(list[i], at, 0);
    pay(base, at);
    if (branch != false) all.parts.push_back(compile(merged(base, branch, at), at));
  }
  return all;
}

Expression schema_expression(Grammar& grammar, const JsonText& json, const std::string& schema,
                             const std::string& where, bool only_objects) {
  Schema root = parse(schema, where);
  SchemaCompiler compiler(grammar, json, root, where);
  if (!only_objects || !root.is_object() || root.contains("type") || root.contains("$ref"))
    return compiler.compile(root, where);
  Schema typed = root;
  typed["type"] = "object";
  return compiler.compile(typed, where);
}

}  // namespace clawrl::grammar
