#pragma once
// Filters, tests, functions and methods by name.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "prompt/jinja/limits.hpp"
#include "prompt/jinja/value.hpp"

namespace clawrl::jinja {

/// What builtins may use of a rendering.
struct Runtime {
  Budget& budget;
  double now_s = 0;                           // Unix time for strftime_now
  std::vector<NamespacePtr> namespaces = {};  // all that were made
};

struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

/// A call with its arguments in the order of the parameters; one that was not given is nullopt.
struct Call {
  Runtime& runtime;
  const Value& self;  // what is filtered or tested, or whose method it is
  std::vector<std::optional<Value>> arguments;
  Arguments rest;  // what a variadic function got
  bool has(std::size_t i) const { return arguments[i].has_value(); }
  const Value& operator[](std::size_t i) const { return *arguments[i]; }
};

struct Function {
  std::string_view name;
  Value (*call)(Call&);
  std::vector<std::string_view> parameters = {};
  std::size_t required = 0;
  bool variadic = false;  // everything goes to Call::rest
};

/// The template said raise_exception(text).
struct Refusal : std::runtime_error {
  using std::runtime_error::runtime_error;
};

const Function* find_filter(std::string_view name);
const Function* find_test(std::string_view name);
const Function* find_global(std::string_view name);
/// Of whatever `self` is; nullptr if it has none of that name.
const Function* find_method(const Value& self, std::string_view name);

/// Checks and orders the arguments. Throws Problem.
Value invoke(const Function& function, Runtime& runtime, const Value& self, Arguments arguments);

/// self.name and self[key] with Jinja's rules. Throws Problem on an undefined `self`.
Value attribute(const Value& self, const std::string& name, const std::string* name_for_messages = nullptr);
Value item(Runtime& runtime, const Value& self, const Value& key);

/// What a loop goes through: items of a list, keys of a dict, characters of a string; nothing if undefined.
ListPtr elements(Runtime& runtime, const Value& value);
/// Python's `needle in haystack`.
bool contains(Runtime& runtime, const Value& haystack, const Value& needle);
std::size_t length_of(const Value& value);
/// a == b, its cost paid.
bool equal_paid(Runtime& runtime, const Value& a, const Value& b);
Value made(Runtime& runtime, Text text);
Value made(Runtime& runtime, std::vector<Value> items, bool tuple = false);

const Text& text_argument(const Call& call, std::size_t i);
std::int64_t integer_argument(const Call& call, std::size_t i);
/// The text of self, whatever it is (as Jinja's filters do it), or a Problem for strings only.
Text str(Runtime& runtime, const Value& value);
const Text& self_text(const Call& call);

}  // namespace clawrl::jinja
