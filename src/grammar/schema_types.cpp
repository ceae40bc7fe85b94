// What each JSON type of a schema becomes.

#include <algorithm>
#include <cmath>

#include "core/error.hpp"
#include "grammar/pattern.hpp"
#include "grammar/schema_compiler.hpp"

namespace clawrl::grammar {
namespace {

constexpr std::int64_t largest = 999999999999999999;  // 18 digits

const std::map<std::string, std::set<std::string>> type_keywords = {
    {"object", {"properties", "required", "additionalProperties"}},
    {"array", {"items", "prefixItems", "minItems", "maxItems"}},
    {"string", {"minLength", "maxLength", "pattern"}},
    {"integer", {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}},
    {"number", {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}},
    {"boolean", {}},
    {"null", {}}};

/// The integer bound that a number gives: up = the smallest integer not below it.
std::int64_t bound(const Schema& value, bool up) {
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > static_cast<std::uint64_t>(largest)) return largest;
  if (value.is_number_integer()) return std::clamp(value.get<std::int64_t>(), -largest, largest);
  const double real = up ? std::ceil(value.get<double>()) : std::floor(value.get<double>());
  return static_cast<std::int64_t>(std::clamp(real, -9e17, 9e17));
}

bool whole(const Schema& value) {
  return value.is_number_integer() || value == std::floor(value.get<double>());
}

}  // namespace

/// Without "type", the keywords of a type mean that type: other types would be valid too, but are not what is meant.
std::vector<std::string> SchemaCompiler::types_of(const Schema& schema, const std::string& path) const {
  std::vector<std::string> types;
  if (const auto given = schema.find("type"); given != schema.end()) {
    const Schema list = given->is_array() ? *given : Schema::array({*given});
    for (const auto& type : list) {
      if (!type.is_string() || !type_keywords.contains(type.get<std::string>()))
        refuse("type", path, "must name JSON types");
      types.push_back(type.get<std::string>());
    }
    require(!types.empty(), path + ": unsatisfiable, no type is left");
    return types;
  }
  for (const auto& [type, keywords] : type_keywords) {
    if (type == "integer") continue;
    if (std::any_of(keywords.begin(), keywords.end(), [&](const auto& keyword) { return schema.contains(keyword); }))
      types.push_back(type);
  }
  return types;
}

void SchemaCompiler::check_type_keywords(const Schema& schema, const std::vector<std::string>& types,
                                         const std::string& path) const {
  for (const auto& [type, keywords] : type_keywords) {
    for (const auto& keyword : keywords) {
      const auto value = schema.find(keyword);
      if (value == schema.end()) continue;
      if (type == "integer" && !value->is_number()) refuse(keyword, path, "must be a number");
    }
  }
  require(!types.empty(), path + ": unsatisfiable, no type is left");
}

Expression SchemaCompiler::of_type(const std::string& type, const Schema& schema, const std::string& path) {
  if (type == "object") return object(schema, path);
  if (type == "array") return array(schema, path);
  if (type == "string") return string(schema, path);
  if (type == "integer") return integer(schema, path);
  if (type == "number") return number(schema, path);
  if (type == "boolean") return choice({text("true"), text("false")});
  return text("null");
}

int SchemaCompiler::count(const Schema& schema, const char* keyword, int otherwise, const std::string& path) const {
  const auto value = schema.find(keyword);
  if (value == schema.end()) return otherwise;
  if (!value->is_number() || !whole(*value) || *value < 0)
    refuse(keyword, path, "must be a whole number, not negative");
  if (*value > max_repeat) refuse(keyword, path, "must not be above " + std::to_string(max_repeat));
  return static_cast<int>(value->get<double>());
}

/// Two chains of rules over the properties in order: `first` while nothing is written yet, `next` after a member.
///   first_i = member_i next_{i+1} | first_{i+1} if i is optional        next_i = ("," member_i | "" if optional)
///   next_{i+1}
Expression SchemaCompiler::object(const Schema& schema, const std::string& path) {
  Schema properties = schema.contains("properties") ? schema["properties"] : Schema::object();
  const Schema required = schema.contains("required") ? schema["required"] : Schema::array();
  if (!properties.is_object()) refuse("properties", path, "must be an object");
  if (!required.is_array()) refuse("required", path, "must be a list of names");
  const bool open_by_default = !schema.contains("properties");
  const Schema extra =
      schema.contains("additionalProperties") ? schema["additionalProperties"] : Schema(open_by_default);
  std::set<std::string> needed;
  for (const auto& name : required) {
    if (!name.is_string()) refuse("required", path, "must be a list of names");
    needed.insert(name.get<std::string>());
    if (properties.contains(name.get<std::string>())) continue;
    properties[name.get<std::string>()] = schema.contains("additionalProperties") ? extra : Schema(true);
  }
  if (properties.size() > max_properties)
    refuse("properties", path, "has more than " + std::to_string(max_properties) + " entries");
  if (properties.empty() && extra == true) return json_.object();

  const auto after_name = sequence({one(':'), json_.blank()});
  Expression first = nothing(), next = nothing();
  if (extra != false) {
    std::vector<std::string> names;
    for (const auto& [name, value] : properties.items()) {
      if (name.size() > max_name)
        refuse("properties", path, "has a name of more than " + std::to_string(max_name) + " bytes");
      names.push_back(name);
    }
    const auto name = names.empty() ? json_.string() : json_.string_other_than(names);
    const auto member = sequence({name, after_name, compile(extra, path + "/additionalProperties")});
    const int more = grammar_.add_rule(path + " (more)");
    grammar_.define(more, repeat(sequence({one(','), json_.blank(), member}), 0, unlimited));
    first = optional(sequence({json_.blank(), member, call(more)}));
    next = call(more);
  }
  std::vector<std::string> order;
  for (const auto& [name, value] : properties.items()) order.push_back(name);
  for (auto name = order.rbegin(); name != order.rend(); ++name) {
    const auto key = json_.dumped(Schema(*name).dump());
    const auto member = sequence({key, after_name, compile(properties[*name], path + "/properties/" + *name)});
    const auto follow = sequence({one(','), json_.blank(), member});
    const bool may_miss = !needed.contains(*name);
    const int first_rule = grammar_.add_rule(path + " (from " + *name + ")");
    const auto begin = sequence({json_.blank(), member, next});
    grammar_.define(first_rule, may_miss ? choice({begin, first}) : begin);
    const int next_rule = grammar_.add_rule(path + " (on from " + *name + ")");
    grammar_.define(next_rule, sequence({may_miss ? optional(follow) : follow, next}));
    first = call(first_rule);
    next = call(next_rule);
  }
  return sequence({one('{'), first, json_.blank(), one('}')});
}

Expression SchemaCompiler::array(const Schema& schema, const std::string& path) {
  const int least = count(schema, "minItems", 0, path), most = count(schema, "maxItems", unlimited, path);
  require(most == unlimited || least <= most, path + ": unsatisfiable, minItems is above maxItems");
  const Schema items = schema.contains("items") ? schema["items"] : Schema(true);
  const auto item = [&] { return compile(items, path + "/items"); };
  if (!schema.contains("prefixItems")) {
    if (items == false || most == 0) {
      require(least == 0, path + ": unsatisfiable, items is false and minItems above 0");
      return json_.list('[', nothing(), 0, 0, ']');
    }
    return json_.list('[', item(), least, most, ']');
  }
  const Schema& prefix = schema["prefixItems"];
  if (!prefix.is_array() || prefix.empty() || prefix.size() > max_properties)
    refuse("prefixItems", path, "must be a list of 1 to 1000 schemas");
  const auto fixed = static_cast<int>(prefix.size());
  Expression rest = nothing();  // what may follow, from the last item back
  if (items != false && (most == unlimited || most > fixed)) {
    const Expression more = sequence({one(','), json_.blank(), item()});
    rest = repeat(more, std::max(0, least - fixed), most == unlimited ? unlimited : most - fixed);
  } else {
    require(least <= fixed, path + ": unsatisfiable, minItems is above what prefixItems and items allow");
  }
  for (int i = fixed - 1; i >= 0; --i) {
    const auto member = compile(prefix[static_cast<std::size_t>(i)], path + "/prefixItems/" + std::to_string(i));
    Expression here = sequence({i > 0 ? sequence({one(','), json_.blank()}) : json_.blank(), member, std::move(rest)});
    if (most != unlimited && i >= most)
      here = nothing();
    else if (i >= least)
      here = optional(std::move(here));
    const int rule = grammar_.add_rule(path + " (from item " + std::to_string(i) + ")");
    grammar_.define(rule, here);
    rest = call(rule);
  }
  return sequence({one('['), rest, json_.blank(), one(']')});
}

Expression SchemaCompiler::string(const Schema& schema, const std::string& path) {
  const int least = count(schema, "minLength", 0, path), most = count(schema, "maxLength", unlimited, path);
  require(most == unlimited || least <= most, path + ": unsatisfiable, minLength is above maxLength");
  if (!schema.contains("pattern")) return json_.string_of_length(least, most);
  if (schema.contains("minLength") || schema.contains("maxLength"))
    refuse("pattern", path, "is not supported together with minLength or maxLength");
  if (!schema["pattern"].is_string()) refuse("pattern", path, "must be a string");
  return string_of_pattern(schema["pattern"].get<std::string>(), json_, path);
}

Expression SchemaCompiler::integer(const Schema& schema, const std::string& path) {
  std::int64_t low = -largest, high = largest;
  if (schema.contains("minimum")) low = bound(schema["minimum"], true);
  if (schema.contains("maximum")) high = bound(schema["maximum"], false);
  if (schema.contains("exclusiveMinimum")) low = std::max(low, bound(schema["exclusiveMinimum"], false) + 1);
  if (schema.contains("exclusiveMaximum")) high = std::min(high, bound(schema["exclusiveMaximum"], true) - 1);
  require(low <= high && low <= largest && high >= -largest,
          path + ": unsatisfiable, no integer of at most 18 digits lies between its bounds");
  if (low == -largest && high == largest) return json_.integer();
  return integer_between(low, high);
}

/// Between whole bounds: an integer part and a fraction, no exponent.
Expression SchemaCompiler::number(const Schema& schema, const std::string& path) {
  for (const char* keyword : {"exclusiveMinimum", "exclusiveMaximum"})
    if (schema.contains(keyword)) refuse(keyword, path, "is not supported for type number");
  if (!schema.contains("minimum") && !schema.contains("maximum")) return json_.number();
  for (const char* keyword : {"minimum", "maximum"})
    if (schema.contains(keyword) && !whole(schema[keyword]))
      refuse(keyword, path, "must be a whole number for type number: others are not supported");
  constexpr std::int64_t far = 999999999999999;
  const std::int64_t low = schema.contains("minimum") ? bound(schema["minimum"], true) : -far;
  const std::int64_t high = schema.contains("maximum") ? bound(schema["maximum"], false) : far;
  require(low <= high && low <= far && high >= -far,
          path + ": unsatisfiable, minimum is above maximum or beyond 15 digits");
  const auto magnitude = [](std::int64_t from, std::int64_t to) {
    Expression all = choice({integer_between(to, to)});
    if (from < to)
      all.parts.push_back(sequence(
          {integer_between(from, to - 1), optional(sequence({one('.'), repeat(symbols({{'0', '9'}}), 1, 16)}))}));
    return all;
  };
  Expression all = choice({});
  if (high >= 0) all.parts.push_back(magnitude(std::max<std::int64_t>(low, 0), std::min(high, far)));
  if (low < 0)
    all.parts.push_back(sequence({one('-'), magnitude(std::max<std::int64_t>(-high, 0), std::min(-low, far))}));
  return all;
}

}  // namespace clawrl::grammar
