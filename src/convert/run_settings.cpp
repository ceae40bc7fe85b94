#include "convert/run_settings.hpp"

#include <sstream>

#include "config/parse.hpp"

namespace clawrl {
namespace {

std::string trimmed(const std::string& text) {
  const auto begin = text.find_first_not_of(" \t\r"), end = text.find_last_not_of(" \t\r");
  return begin == std::string::npos ? "" : text.substr(begin, end - begin + 1);
}

}  // namespace

RunConfig settings_of(const std::string& configuration) {
  RunConfig config;
  SettingList list = describe(config, JobDescription{}.methods);
  std::istringstream lines(configuration);
  std::string section;
  for (std::string line; std::getline(lines, line);) {
    line = trimmed(line);
    if (line.starts_with('[') && line.ends_with(']')) section = line.substr(1, line.size() - 2);
    const auto equals = line.find('=');
    if (line.starts_with('#') || equals == std::string::npos) continue;
    // The others may hold what only the job that wrote them knows, e.g. an advantage of a plug-in.
    if (section != "model" && section != "trainer" && section != "policy") continue;
    if (Setting* setting = list.find(section + "." + trimmed(line.substr(0, equals))))
      setting->set(trimmed(line.substr(equals + 1)));
  }
  return config;
}

}  // namespace clawrl
