#include "prompt/python_json.hpp"

#include <charconv>
#include <cmath>

namespace clawrl {

std::string python_float(double value) {
  char digits[64];
  // Python's repr goes over to an exponent below 1e-4 and from 1e16 on.
  const double size = std::fabs(value);
  const bool fixed = size == 0 || (size >= 1e-4 && size < 1e16);
  const auto end = std::to_chars(digits, digits + sizeof digits, value,
                                 fixed ? std::chars_format::fixed : std::chars_format::scientific);
  std::string text(digits, end.ptr);
  if (fixed && text.find('.') == std::string::npos) text += ".0";
  return text;
}

}  // namespace clawrl
