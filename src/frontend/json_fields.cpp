#include "frontend/json_fields.hpp"

#include <nlohmann/json.hpp>

namespace clawrl::fields {

void refuse(const std::string& param, const std::string& message) {
  throw RequestError({400, "invalid_request_error", "", param, message});
}

std::string shown(const Json& value) {
  std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

void refuse_value(const std::string& param, const std::string& wanted, const Json& value) {
  refuse(param, param + " must be " + wanted + ", not " + shown(value));
}

const Json* find(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

std::string string_of(const Json& value, const std::string& param) {
  if (!value.is_string()) refuse_value(param, "a string", value);
  return value.get<std::string>();
}

std::string string_field(const Json& object, const char* key, const std::string& param) {
  const Json* value = find(object, key);
  return value ? string_of(*value, param) : std::string();
}

bool bool_field(const Json& object, const char* key, bool otherwise) {
  const Json* value = find(object, key);
  if (value && !value->is_boolean()) refuse_value(key, "true or false", *value);
  return value ? value->get<bool>() : otherwise;
}

std::optional<double> number_field(const Json& object, const char* key, double low, double high) {
  const Json* value = find(object, key);
  if (!value) return std::nullopt;
  if (!value->is_number() || value->get<double>() < low || value->get<double>() > high)
    refuse_value(key, "a number from " + Json(low).dump() + " to " + Json(high).dump(), *value);
  return value->get<double>();
}

std::optional<std::int32_t> integer_field(const Json& object, const char* key, std::int32_t low, std::int32_t high) {
  const Json* value = find(object, key);
  if (!value) return std::nullopt;
  if (!value->is_number_integer() || value->get<double>() < low || value->get<double>() > high)
    refuse_value(key, "an integer from " + std::to_string(low) + " to " + std::to_string(high), *value);
  return value->get<std::int32_t>();
}

}  // namespace clawrl::fields
