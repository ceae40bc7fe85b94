#include <cmath>

#include "prompt/jinja/interpreter.hpp"

namespace clawrl::jinja {
namespace {

using Kind = ExpressionKind;

[[noreturn]] void fail(Kind operation, const Value& a, const Value& b) {
  const char* name = "**";
  if (operation == Kind::add) name = "+";
  if (operation == Kind::subtract) name = "-";
  if (operation == Kind::multiply) name = "*";
  if (operation == Kind::divide) name = "/";
  if (operation == Kind::floor_divide) name = "//";
  if (operation == Kind::modulo) name = "%";
  throw Problem(describe(a) + " and " + describe(b) + " have no operation " + name);
}

Value power(std::int64_t base, std::int64_t exponent) {
  if (exponent < 0) return std::pow(static_cast<double>(base), static_cast<double>(exponent));
  std::int64_t result = 1;
  for (bool overflow = false; exponent > 0; exponent >>= 1) {
    if ((exponent & 1) && __builtin_mul_overflow(result, base, &result)) overflow = true;
    if (exponent > 1 && __builtin_mul_overflow(base, base, &base)) overflow = true;
    if (overflow) throw Problem("an integer is out of range");
  }
  return result;
}

Value integers(Kind operation, std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  bool overflow = false;
  switch (operation) {
    case Kind::add:
      overflow = __builtin_add_overflow(a, b, &result);
      break;
    case Kind::subtract:
      overflow = __builtin_sub_overflow(a, b, &result);
      break;
    case Kind::multiply:
      overflow = __builtin_mul_overflow(a, b, &result);
      break;
    case Kind::power:
      return power(a, b);
    default:
      if (b == 0) throw Problem("division by zero");
      if (operation == Kind::divide) return static_cast<double>(a) / static_cast<double>(b);
      if (b == -1) {  // INT64_MIN / -1 has no result
        overflow = operation == Kind::floor_divide && __builtin_sub_overflow(std::int64_t{0}, a, &result);
        break;
      }
      const std::int64_t rest = a % b, down = rest != 0 && (rest < 0) != (b < 0);  // Python rounds down
      result = operation == Kind::modulo ? rest + down * b : a / b - down;
  }
  if (overflow) throw Problem("an integer is out of range");
  return result;
}

Value reals(Kind operation, double a, double b) {
  switch (operation) {
    case Kind::add:
      return a + b;
    case Kind::subtract:
      return a - b;
    case Kind::multiply:
      return a * b;
    case Kind::power:
      return std::pow(a, b);
    default:
      break;
  }
  if (b == 0) throw Problem("division by zero");
  if (operation == Kind::divide) return a / b;
  if (operation == Kind::floor_divide) return std::floor(a / b);
  return a - b * std::floor(a / b);
}

Value repeated(Runtime& runtime, const Value& value, std::int64_t count) {
  const auto times = static_cast<std::size_t>(std::max<std::int64_t>(count, 0));
  if (const Text* text = as_text(value)) {
    const std::size_t limit = runtime.budget.limits().string_bytes;
    if (text->footprint() > 0 && times > limit / text->footprint()) runtime.budget.string(limit + 1);
    Text all;
    for (std::size_t i = 0; i < times && !text->empty(); ++i) all.append(*text);
    return made(runtime, std::move(all));
  }
  const auto& items = as_list(value)->items;
  const std::size_t limit = runtime.budget.limits().list_items;
  if (!items.empty() && times > limit / items.size()) runtime.budget.list(limit + 1);
  std::vector<Value> all;
  for (std::size_t i = 0; i < times && !items.empty(); ++i) all.insert(all.end(), items.begin(), items.end());
  return made(runtime, std::move(all), as_list(value)->tuple);
}

}  // namespace

Value arithmetic(Runtime& runtime, Kind operation, const Value& a, const Value& b) {
  std::int64_t i = 0, j = 0;
  const bool left = to_integer(a, i), right = to_integer(b, j);
  if (left && right) return integers(operation, i, j);
  double x = 0, y = 0;
  if (to_double(a, x) && to_double(b, y)) return reals(operation, x, y);
  if (operation == Kind::add && as_text(a) && as_text(b)) {
    Text text = *as_text(a);
    text.append(*as_text(b));
    return made(runtime, std::move(text));
  }
  if (operation == Kind::add && as_list(a) && as_list(b) && as_list(a)->tuple == as_list(b)->tuple) {
    std::vector<Value> items = as_list(a)->items;
    items.insert(items.end(), as_list(b)->items.begin(), as_list(b)->items.end());
    return made(runtime, std::move(items), as_list(a)->tuple);
  }
  if (operation == Kind::multiply && right && (as_text(a) || as_list(a))) return repeated(runtime, a, j);
  if (operation == Kind::multiply && left && (as_text(b) || as_list(b))) return repeated(runtime, b, i);
  fail(operation, a, b);
}

}  // namespace clawrl::jinja
