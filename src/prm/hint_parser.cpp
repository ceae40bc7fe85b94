#include "prm/hint_parser.hpp"

#include "prm/trim.hpp"

namespace clawrl {

std::optional<std::string> parse_hint(const std::string& text) {
  static const std::string start = "[HINT_START]", stop = "[HINT_END]";
  constexpr std::size_t kShortest = 11;  // code points
  std::optional<std::string> last;
  for (auto begin = text.find(start); begin != std::string::npos; begin = text.find(start, begin)) {
    begin += start.size();
    const auto end = text.find(stop, begin);
    if (end == std::string::npos) break;
    last = trim(text.substr(begin, end - begin));
    begin = end + stop.size();
  }
  if (!last || count_code_points(*last) < kShortest) return {};
  return last;
}

}  // namespace clawrl
