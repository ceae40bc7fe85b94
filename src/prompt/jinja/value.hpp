#pragma once
// Values of a template: Python's, as far as chat templates need them. All but namespaces are immutable and shared.

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "prompt/jinja/text.hpp"

namespace clawrl::jinja {

struct Macro;
struct Function;
struct List;
class Dict;
struct Namespace;
struct Method;
struct Loop;

struct Undefined {
  const std::string* name = nullptr;  // for messages; lives as long as the template
};
struct None {};
struct BigInteger {
  std::shared_ptr<const std::string> digits;  // more than 64 bits: printed, never calculated with
};
/// A macro and the frame that it was defined in.
struct MacroValue {
  const Macro* macro = nullptr;
  std::size_t frame = 0;
  std::uint64_t frame_serial = 0;
};

using TextPtr = std::shared_ptr<const Text>;
using ListPtr = std::shared_ptr<const List>;
using DictPtr = std::shared_ptr<const Dict>;
using NamespacePtr = std::shared_ptr<Namespace>;
using MethodPtr = std::shared_ptr<const Method>;
using LoopPtr = std::shared_ptr<Loop>;

using Value = std::variant<Undefined, None, bool, std::int64_t, double, BigInteger, TextPtr, ListPtr, DictPtr,
                           NamespacePtr, MacroValue, const Function*, MethodPtr, LoopPtr>;

/// How much lies in a value, shared parts counted as often as they are reached.
struct Extent {
  int depth = 0;                     // of lists, dicts and bound methods in each other; 0 = a scalar
  std::size_t nodes = 1;             // what a comparison or a print has to visit
  void include(const Extent& part);  // throws Problem beyond the limits
};

struct List {
  std::vector<Value> items;
  bool tuple = false;
  Extent extent;
};

struct Namespace {
  std::unordered_map<std::string, Value> attributes;
};

/// A method of a value that is about to be called.
struct Method {
  Value self;
  std::string name;
};

/// The variable `loop`.
struct Loop {
  ListPtr items;
  std::size_t index = 0;            // from 0
  std::vector<Value> last_changed;  // arguments of the last loop.changed(), scalars
  bool asked_changed = false;
};

/// Ordered as Python's: a key keeps its first place when it is set again.
class Dict {
 public:
  using Item = std::pair<Value, Value>;
  const std::vector<Item>& items() const { return items_; }
  /// Throws Problem for a key that Python could not hash.
  void set(Value key, Value value);
  const Value* find(const Value& key) const;
  const Value* find(const std::string& key) const;
  const Extent& extent() const { return extent_; }

 private:
  std::vector<Item> items_;
  std::unordered_map<std::string, std::size_t> index_;
  Extent extent_{.depth = 1, .nodes = 1};
};

Value text_value(Text text);
Value template_text(std::string bytes);
Value data_text(std::string bytes);
Value list_value(std::vector<Value> items, bool tuple = false);
Value dict_value(Dict dict);

template <class T>
const T* get_if(const Value& value) {
  return std::get_if<T>(&value);
}
inline const Text* as_text(const Value& v) {
  return get_if<TextPtr>(v) ? get_if<TextPtr>(v)->get() : nullptr;
}
inline const List* as_list(const Value& v) {
  return get_if<ListPtr>(v) ? get_if<ListPtr>(v)->get() : nullptr;
}
inline const Dict* as_dict(const Value& v) {
  return get_if<DictPtr>(v) ? get_if<DictPtr>(v)->get() : nullptr;
}
inline bool is_undefined(const Value& value) {
  return get_if<Undefined>(value) != nullptr;
}
inline bool is_none(const Value& value) {
  return get_if<None>(value) != nullptr;
}

Extent extent_of(const Value& value);
bool truth(const Value& value);
/// Python's ==.
bool equal(const Value& a, const Value& b);
/// Python's <; throws Problem for values without an order.
bool less(const Value& a, const Value& b);
/// bool counts as 0 or 1; false if the value is no number that one can calculate with.
bool to_double(const Value& value, double& number);
bool to_integer(const Value& value, std::int64_t& number);
/// For messages: "a string", "a list", "an undefined value ('x')".
std::string describe(const Value& value);

/// Python's str() and repr() appended to a text.
void append_str(Text& out, const Value& value);
void append_repr(Text& out, const Value& value);

}  // namespace clawrl::jinja
