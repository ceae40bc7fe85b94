// Texts that hold nothing private: the demo's homework and feedback, this project's own sources and pages.

#include <filesystem>
#include <fstream>
#include <iterator>

#include "demo/corpus.hpp"
#include "privacy/redaction_cases.hpp"

using namespace clawrl;
using namespace clawrl::test;
namespace fs = std::filesystem;

TEST_CASE("the demo's documents have no hit") {
  const Redactor redactor;
  for (const auto split : {demo::Split::train, demo::Split::held_out}) {
    demo::Corpus corpus(split, 7);
    for (int i = 0; i < 2000; ++i)
      for (auto& document : {corpus.policy_document(), corpus.judge_document()}) {
        auto messages = document.messages;
        CHECK(redactor.redact(messages) == 0);
      }
  }
}

TEST_CASE("sources and pages of this project have no hit") {
  const Redactor redactor;
  int files = 0;
  for (const char* folder : {"src", "jobs", "docs", "configs", "slurm", "benchmarks"})
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(CLAWRL_SOURCE_DIR) / folder)) {
      const std::string ending = entry.path().extension().string();
      if (!entry.is_regular_file() || entry.path().string().find("/models/") != std::string::npos) continue;
      if (ending != ".cpp" && ending != ".hpp" && ending != ".md" && ending != ".ini" && ending != ".sh") continue;
      std::ifstream file(entry.path());
      const std::string text{std::istreambuf_iterator<char>(file), {}};
      std::string made = text;
      ++files;
      if (redactor.redact(made) == 0) continue;
      const auto at =
          static_cast<std::size_t>(std::mismatch(text.begin(), text.end(), made.begin()).first - text.begin());
      FAIL_CHECK(entry.path().string() << " near: " << text.substr(at, 60));
    }
  CHECK(files > 200);
}
