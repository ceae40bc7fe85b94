#include "config/parse.hpp"

#include <algorithm>
#include <boost/program_options.hpp>
#include <fstream>
#include <map>
#include <set>

#include "core/error.hpp"

namespace clawrl {
namespace {

namespace po = boost::program_options;

const std::map<std::string, std::string> kShortNames = {{"port", "http.port"},
                                                        {"method", "samples.method"},
                                                        {"out", "run.out"},
                                                        {"resume", "run.resume"},
                                                        {"audit", "evaluate.audit"}};

/// Everything one parse knows: the settings by name and who set them.
struct Parser {
  const JobDescription& job;
  SettingList run;
  SettingList* own;
  std::map<std::string, std::string> given = {};  // setting -> where it was set

  bool taken(const Setting& setting) const {
    return std::find(job.sections.begin(), job.sections.end(), setting.section()) != job.sections.end();
  }

  Setting* find(const std::string& name) {
    if (Setting* setting = own ? own->find(name) : nullptr) return setting;
    return run.find(name);
  }

  void set(const std::string& name, const std::string& value, const std::string& where) {
    Setting* setting = find(name);
    const auto [earlier, first] = given.emplace(name, where);
    if (!first && where == earlier->second) throw UserError("setting " + name + " is given twice " + where);
    if (first) setting->set(value);  // the command line is read first and wins
  }

  std::string known_names(const std::string& section) const {
    std::set<std::string> sections;
    std::string names;
    for (const auto* list : {&run, static_cast<const SettingList*>(own)}) {
      if (!list) continue;
      for (const auto& setting : list->all()) {
        sections.insert(setting.section());
        if (setting.section() == section) names += (names.empty() ? "" : ", ") + setting.name;
      }
    }
    if (!names.empty()) return "allowed are " + names;
    for (const auto& name : sections) names += (names.empty() ? "" : ", ") + name;
    return "sections are " + names;
  }

  [[noreturn]] void unknown(const std::string& name, const std::string& where) const {
    throw UserError("unknown setting " + name + " " + where + ": " + known_names(name.substr(0, name.find('.'))));
  }
};

po::options_description command_line_options(const Parser& parser) {
  po::options_description options;
  auto add = [&](const std::string& name, bool is_switch, const std::string& help) {
    auto* value = po::value<std::string>();
    if (is_switch) value->implicit_value("true");
    options.add_options()(name.c_str(), value, help.c_str());
  };
  options.add_options()("help", "this text")("config", po::value<std::string>(), "INI file");
  auto add_names = [&](const Setting& setting) {
    add(setting.name, setting.is_switch, setting.help);
    for (const auto& [alias, name] : kShortNames)
      if (name == setting.name) add(alias, setting.is_switch, setting.help);
  };
  for (const auto& setting : parser.run.all())
    if (parser.taken(setting)) add_names(setting);
  if (parser.own)
    for (const auto& setting : parser.own->all()) add_names(setting);
  return options;
}

std::string help_text(const Parser& parser) {
  std::string text = parser.job.name + ": " + parser.job.summary + "\n\n" + parser.job.name +
                     " [--config FILE] [--section.key=value ...]\n\n  --help, --config FILE (INI)\n";
  std::string section;
  auto line = [&](const Setting& setting) {
    if (setting.section() != section) text += "\n[" + (section = setting.section()) + "]\n";
    std::string name = "  --" + setting.name;
    for (const auto& [alias, full] : kShortNames)
      if (full == setting.name) name += ", --" + alias;
    const std::string value = setting.get();
    name += " = " + (value.empty() ? "''" : value);
    name.resize(std::max<std::size_t>(46, name.size() + 1), ' ');
    text += name + setting.help + "; " + setting.allowed + "\n";
  };
  for (const auto& setting : parser.run.all())
    if (parser.taken(setting)) line(setting);
  if (parser.own)
    for (const auto& setting : parser.own->all()) line(setting);
  return text;
}

/// Returns the INI file's name, empty without one; sets `help`.
std::string read_command_line(Parser& parser, int argc, const char* const* argv, bool& help) {
  const auto options = command_line_options(parser);
  const int style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
  const auto parsed = po::command_line_parser(argc, argv).options(options).style(style).allow_unregistered().run();
  std::string file;
  for (const auto& option : parsed.options) {
    const std::string where = "on the command line";
    if (option.position_key >= 0 || option.string_key.empty())
      throw UserError("unexpected word '" + option.original_tokens.front() +
                      "' on the command line: write --section.key=value");
    if (option.unregistered) {
      const Setting* other = parser.find(option.string_key);
      if (other) throw UserError("setting " + other->name + " does not belong to " + parser.job.name + " (see --help)");
      parser.unknown(option.string_key, where);
    }
    if (option.string_key == "help") {
      help = true;
    } else if (option.string_key == "config") {
      require(file.empty(), "--config is given twice");
      file = option.value.front();
    } else {
      const auto alias = kShortNames.find(option.string_key);
      const bool is_short = alias != kShortNames.end() && !parser.find(option.string_key);
      parser.set(is_short ? alias->second : option.string_key, option.value.empty() ? "true" : option.value.front(),
                 where);
    }
  }
  return file;
}

void read_file(Parser& parser, const std::string& path) {
  std::ifstream stream(path);
  require(stream.good(), "--config " + path + ": cannot be read");
  const auto parsed = po::parse_config_file(stream, po::options_description{}, true);
  for (const auto& option : parsed.options) {
    const std::string where = "in " + path;
    if (!parser.find(option.string_key)) parser.unknown(option.string_key, where);
    parser.set(option.string_key, option.value.empty() ? "" : option.value.front(), where);
  }
}

void derive(const Parser& parser, RunConfig& config) {
  if (config.run.out.empty()) config.run.out = "out/" + parser.job.name;
  if (config.run.journal.empty()) config.run.journal = config.run.out + "/journal.sqlite";
  if (config.prm.teacher == "newest") config.prm.teacher = "policy";  // its earlier name
  if (config.run.deterministic && !parser.given.contains("samples.partial_batch_age_s"))
    config.samples.partial_batch_age_s = 0;
}

}  // namespace

bool parse(int argc, const char* const* argv, const JobDescription& job, RunConfig& config, std::string& help,
           SettingList* own) {
  Parser parser{job, describe(config, job.methods, job.losses, job.rewards, job.generations), own};
  const std::string defaults = help_text(parser);
  try {
    bool wants_help = false;
    const std::string file = read_command_line(parser, argc, argv, wants_help);
    if (wants_help) {
      help = defaults;
      return false;
    }
    if (!file.empty()) read_file(parser, file);
  } catch (const po::error& error) {
    throw UserError(job.name + ": " + error.what() + " (see --help)");
  }
  derive(parser, config);
  check(config);
  return true;
}

std::string to_ini(const JobDescription& job, const RunConfig& config, const SettingList* own) {
  RunConfig copy = config;
  const SettingList list = describe(copy, job.methods, job.losses, job.rewards, job.generations);
  std::string text, section;
  auto line = [&](const Setting& setting) {
    if (setting.section() != section) text += (text.empty() ? "[" : "\n[") + (section = setting.section()) + "]\n";
    text += setting.name.substr(section.size() + 1) + " = " + setting.get() + "\n";
  };
  for (const auto& setting : list.all())
    if (std::find(job.sections.begin(), job.sections.end(), setting.section()) != job.sections.end()) line(setting);
  if (own)
    for (const auto& setting : own->all()) line(setting);
  return text;
}

}  // namespace clawrl
