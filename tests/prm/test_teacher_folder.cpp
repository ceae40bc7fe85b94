// Which folders may teach.

#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/error.hpp"
#include "prm/teacher_folder.hpp"
#include "prompt/tiny_tokenizer.hpp"
#include "support/catch.hpp"

using namespace clawrl;
namespace fs = std::filesystem;

namespace {

const std::string kPolicy = CLAWRL_SOURCE_DIR "/configs/models/policy";

std::string read(const fs::path& path) {
  std::ifstream stream(path);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

/// A teacher's folder: the policy's files, changed.
struct Changed {
  test::TemporaryFolder folder;
  Changed() {
    for (const std::string name : {"config.json", "tokenizer.json"}) fs::copy_file(kPolicy + "/" + name, at(name));
  }
  fs::path at(const std::string& name) const { return folder.path / name; }
  void replace(const std::string& name, const std::string& from, const std::string& to) const {
    std::string text = read(at(name));
    const auto place = text.find(from);
    REQUIRE(place != std::string::npos);
    std::ofstream(at(name)) << text.replace(place, from.size(), to);
  }
  std::string refusal() const {
    try {
      check_teacher_folder(kPolicy, folder.path.string());
    } catch (const UserError& error) {
      return error.what();
    }
    return "";
  }
};

}  // namespace

TEST_CASE("the policy's own folder may teach, and one with a padded embedding") {
  CHECK(Changed().refusal().empty());
  const Changed padded;
  const std::string text = read(padded.at("config.json"));
  const auto at = text.find("\"vocab_size\":");
  REQUIRE(at != std::string::npos);
  const auto end = text.find_first_of(",}\n", at);
  padded.replace("config.json", text.substr(at, end - at), "\"vocab_size\": 9999");
  CHECK(padded.refusal().empty());
}

TEST_CASE("another vocabulary is refused by name") {
  const Changed other;
  {
    test::TemporaryFolder tiny;
    test::tiny_tokenizer(tiny);
    fs::copy_file(tiny.path / "tokenizer.json", other.at("tokenizer.json"), fs::copy_options::overwrite_existing);
  }
  CHECK_THAT(other.refusal(), Catch::Contains("prm.teacher") && Catch::Contains(other.folder.path.string()) &&
                                  Catch::Contains("another vocabulary") && Catch::Contains("tokens there"));
  const Changed renamed;
  renamed.replace("tokenizer.json", "<|im_end|>", "<|im_stop|>");
  CHECK_THAT(renamed.refusal(), Catch::Contains("<|im_stop|>") && Catch::Contains("<|im_end|>"));
  const Changed small;
  const std::string text = read(small.at("config.json"));
  const auto at = text.find("\"vocab_size\":");
  const auto end = text.find_first_of(",}\n", at);
  small.replace("config.json", text.substr(at, end - at), "\"vocab_size\": 3068");
  CHECK_THAT(small.refusal(), Catch::Contains("embedding has 3068 rows"));
  CHECK_THROWS_AS(check_teacher_folder(kPolicy, "no/such/folder"), UserError);
}
