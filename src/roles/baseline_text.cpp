#include "roles/baseline_text.hpp"

#include <sstream>

namespace clawrl {

std::string baseline_text(const std::map<std::string, RunningBaseline::Moments>& state) {
  std::ostringstream text;
  text.precision(17);
  for (const auto& [key, m] : state)
    text << key << '\t' << m.weight << '\t' << m.sum << '\t' << m.squares << '\t' << m.count << '\n';
  return text.str();
}

std::map<std::string, RunningBaseline::Moments> baseline_from(const std::string& text) {
  std::map<std::string, RunningBaseline::Moments> state;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string key;
    RunningBaseline::Moments m;
    if (std::getline(fields, key, '\t') && fields >> m.weight >> m.sum >> m.squares >> m.count) state[key] = m;
  }
  return state;
}

}  // namespace clawrl
