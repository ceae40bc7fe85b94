#pragma once
// JSON that arrives byte by byte: is it still JSON, has it ended, and what does a call's object say?

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace clawrl {

/// Checks one object or array as its bytes come. Strict JSON, at most 100 levels.
class JsonScanner {
 public:
  enum class State : std::uint8_t { open, whole, bad };
  State push(char byte);  // after `whole` or `bad` nothing more is taken
  State state() const { return state_; }
  std::size_t depth() const { return open_.size(); }
  bool quoted() const { return at_ == At::string || at_ == At::escape || at_ == At::hex; }

 private:
  enum class At : std::uint8_t {
    value,
    first_value,
    first_key,
    key,
    colon,
    next,
    string,
    escape,
    hex,
    literal,
    number
  };
  State structure(char byte);
  State begin_value(char byte);
  State open(char closing, At then);
  State close(char byte);
  State value_ended();
  State bad() { return state_ = State::bad; }
  bool number_goes_on(char byte);

  State state_ = State::open;
  At at_ = At::value;
  std::string open_;  // the closing brackets to come
  bool key_ = false;  // the string is a key
  int hex_left_ = 0;
  const char* literal_ = "";  // what is left of true, false or null
  char number_ = 0;           // what of a number came last
};

/// A call while it arrives: {"name": "f", "arguments": {...}}, other keys allowed, in any order.
class CallObject {
 public:
  /// `argument_keys`: names of the arguments' key, the preferred one first. `begins`: may a call's first key be this
  /// one?
  explicit CallObject(std::vector<std::string_view> argument_keys, bool (*begins)(std::string_view) = nullptr)
      : argument_keys_(std::move(argument_keys)), begins_(begins) {}
  /// The object is the arguments of the function `name`.
  static CallObject of_arguments(std::string name);

  JsonScanner::State push(char byte);                          // `bad` also for an object that is no call
  const std::string& first_key() const { return first_key_; }  // "" until known
  bool named() const { return !name_.empty(); }
  const std::string& name() const { return name_; }
  /// Whole: as written; a string that holds a JSON object is unwrapped.
  std::string arguments() const;
  /// Bytes of an arguments object that came since the last call, before the whole is known.
  std::string new_arguments();

 private:
  void note(char byte, std::size_t depth_before);
  void value_ended(std::string_view value);

  std::vector<std::string_view> argument_keys_;
  bool (*begins_)(std::string_view) = nullptr;
  JsonScanner scanner_;
  std::string text_;
  std::string first_key_, key_, name_, arguments_, new_;
  std::size_t part_begin_ = 0;   // of the key or value under way, at depth 1
  std::size_t rank_ = SIZE_MAX;  // which of argument_keys_ gave the arguments
  bool bare_ = false;            // of_arguments()
  bool streams_ = false;         // the value under way is the arguments object
};

}  // namespace clawrl
