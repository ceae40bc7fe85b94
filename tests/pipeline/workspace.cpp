#include "pipeline/workspace.hpp"

#include <unistd.h>

#include <deque>
#include <fstream>
#include <iostream>

namespace clawrl::test {
namespace {

constexpr std::size_t shown_lines = 40;

void print_tail(const std::filesystem::path& log) {
  std::ifstream file(log);
  std::deque<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    lines.push_back(line);
    if (lines.size() > shown_lines) lines.pop_front();
  }
  std::cout << "---- end of " << log.string() << '\n';
  for (const std::string& line : lines) std::cout << "  | " << line << '\n';
  std::cout << std::flush;
}

}  // namespace

Workspace::Workspace(const std::string& name)
    : folder_(std::filesystem::current_path() / "pipeline_runs" / (name + "_" + std::to_string(getpid()))) {
  std::filesystem::remove_all(folder_);
  std::filesystem::create_directories(folder_);
}

Workspace::~Workspace() {
  std::error_code ignored;
  if (done_) {
    std::filesystem::remove_all(folder_, ignored);
    return;
  }
  for (const auto& entry : std::filesystem::directory_iterator(folder_, ignored))
    if (entry.path().extension() == ".log") print_tail(entry.path());
}

}  // namespace clawrl::test
