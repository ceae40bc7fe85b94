#pragma once
// JSON's lexical parts as expressions. What is allowed is a bounded subset of JSON, so that a reply always comes to an
// end: numbers have few digits, and blanks between tokens are one space, or one line break with an indentation.

#include <string>
#include <string_view>
#include <vector>

#include "grammar/grammar.hpp"

namespace clawrl::grammar {

/// Rules that every JSON grammar shares. `tagged`: the text will stand between tags of markup, so "</" is written "<\/"
/// inside strings: a closing tag can then only be one.
class JsonText {
 public:
  JsonText(Grammar& grammar, bool tagged);

  Expression blank() const { return call(blank_); }      // "", " ", or "\n" with at most 20 spaces or 8 tabs
  Expression string() const { return call(string_); }    // any string
  Expression value() const { return call(value_); }      // any value
  Expression object() const { return call(object_); }    // any object
  Expression array() const { return call(array_); }      // any array
  Expression number() const { return call(number_); }    // 16 digits before and after the point, exponent of 2 digits
  Expression integer() const { return call(integer_); }  // at most 18 digits

  /// Strings of minimum..maximum code points (maximum may be `unlimited`); an escape is one.
  Expression string_of_length(int minimum, int maximum) const;
  /// One code point of a string, as itself or escaped.
  Expression character() const;
  /// Code point as it stands in a string: escaped where it must be. Printable ASCII and non-ASCII as themselves.
  Expression literal_character(char32_t code_point) const;
  /// A string without escapes that is none of `names`.
  Expression string_other_than(std::vector<std::string> names) const;
  /// "[" or "{", members with commas, the closing one. first..maximum members; maximum may be `unlimited`.
  Expression list(char open, Expression member, int minimum, int maximum, char close) const;
  /// A JSON text that was dumped compactly, or one of several.
  Expression dumped(std::string json) const;
  Expression one_of_dumped(std::vector<std::string> jsons) const;
  bool tagged() const { return tagged_; }

 private:
  Expression plain_ascii() const;
  void define_string();

  Grammar& grammar_;
  bool tagged_;
  int blank_, beyond_ascii_, escaped_, guarded_, string_, number_, integer_, value_, object_, array_;
};

/// One character outside ASCII, in UTF-8.
Expression beyond_ascii();
/// Integers of [low, high] without leading zeros; |low|, |high| < 10^18. Needs low <= high.
Expression integer_between(std::int64_t low, std::int64_t high);

}  // namespace clawrl::grammar
