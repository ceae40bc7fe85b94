#pragma once
// White space at the ends of UTF-8 text, Unicode's included.

#include <string>

namespace clawrl {

std::string trim(const std::string& text);
std::size_t count_code_points(const std::string& text);

}  // namespace clawrl
