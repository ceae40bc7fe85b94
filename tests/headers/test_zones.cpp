// The walls: which foreign header may be included where, and that no two folders of src/ need each other.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "support/catch.hpp"

namespace {

namespace fs = std::filesystem;

struct Zone {
  const char* what;
  const char* include;  // the header's name, from its beginning
  const char* allowed;  // files (whole path below the project) that may include it
};

// Tests and benchmarks of a walled part may stand with it. Tests read reference vectors, which are JSON.
const Zone zones[] = {
    {"torch", "(torch|ATen|c10)/", "(src/(model|trainer)/torch/.*|tests/(model|trainer|grammar)/.*)"},
    {"headers of the torch folders", "(model|trainer)/torch/",
     "(src/(model|trainer)/torch/.*|tests/(model|trainer|grammar)/.*)"},
    {"Kokkos", "Kokkos", "src/kernels/[^/]*\\.cpp"},
    // tests/trainer/test_data_parallel.cpp compares the learner's collectives with plain MPI
    {"MPI", "mpi\\.h",
     "(src/comm/.*|tests/comm/.*|tests/support/mpi_main\\.cpp|tests/trainer/test_data_parallel\\.cpp|"
     "benchmarks/comm/.*)"},
    {"comm's header that includes MPI", "comm/mpi_support\\.hpp", "src/comm/.*"},
    {"NCCL and CUDA", "(nccl\\.h|cuda)", "src/comm/nccl/.*"},
    {"HDF5", "(hdf5|H5)", "src/checkpoint/[^/]*\\.cpp"},
    {"checkpoint's HDF5 wrapper", "checkpoint/hdf5_file\\.hpp", "src/checkpoint/.*"},
    {"SQLite", "(SQLiteCpp|sqlite)", "src/journal/[^/]*\\.cpp"},
    {"Program_options", "boost/program_options", "src/config/[^/]*\\.cpp"},
    // two headers of the frontend: the connection's members are Beast's and Asio's own
    {"Beast and Asio", "boost/(beast|asio)",
     "(src/frontend/([^/]*\\.cpp|(connection|channel)\\.hpp)|benchmarks/frontend/echo_server\\.cpp)"},
    {"OpenSSL", "(openssl/|boost/asio/ssl)", "src/frontend/[^/]*\\.cpp"},
    {"prometheus-cpp", "prometheus/", "src/metrics/[^/]*\\.cpp"},
    {"headers that include JSON", "(frontend/(json_fields|openai_values)|grammar/schema_[a-z]+)\\.hpp",
     "(src/(frontend|grammar)/[^/]*|tests/grammar/[^/]*)"},
    {"frontend's header that includes Beast", "frontend/(connection|channel(_tls)?)\\.hpp", "src/frontend/.*"},
    // headers of tests/ read JSON for several tests; grammar/schema_*.hpp and those of frontend/ are shared by
    // the .cpp files of their folders only
    {"JSON", "nlohmann/",
     "(src/(frontend|prompt|grammar|model|metrics|audit|demo|convert|probe)/[^/]*\\.cpp|src/grammar/"
     "schema_[a-z]*\\.hpp|src/"
     "frontend/(json_fields|openai_values)\\.hpp|"
     "tests/.*\\.cpp|tests/grammar/schema_checker\\.hpp|tests/frontend/server_run\\.hpp|tests/model/"
     "model_cases\\.hpp|tests/trainer/fixture_tensors\\.hpp)"},
};

struct Include {
  std::string file;  // below the project
  int line = 0;
  std::string header;
};

bool is_source(const fs::path& path) {
  static const std::set<std::string> endings = {".hpp", ".cpp", ".h", ".cc", ".cu", ".cuh"};
  return endings.contains(path.extension().string());
}

std::vector<Include> all_includes() {
  const fs::path root = CLAWRL_SOURCE_DIR;
  const std::regex pattern("\\s*#\\s*include\\s*[<\"]([^>\"]+)[>\"].*");
  std::vector<Include> includes;
  for (const char* folder : {"src", "jobs", "tests", "benchmarks"})
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      if (!entry.is_regular_file() || !is_source(entry.path())) continue;
      std::ifstream file(entry.path());
      int number = 0;
      std::smatch match;
      for (std::string line; std::getline(file, line);)
        if (++number; std::regex_match(line, match, pattern))
          includes.push_back({fs::relative(entry.path(), root).string(), number, match[1]});
    }
  return includes;
}

/// "comm" of "src/comm/wire.hpp" or "comm/wire.hpp"; empty when it is no folder of src/.
std::string folder_of(std::string path) {
  if (path.starts_with("src/")) path.erase(0, 4);
  const auto slash = path.find('/');
  const std::string folder = slash == std::string::npos ? "" : path.substr(0, slash);
  return fs::is_directory(fs::path(CLAWRL_SOURCE_DIR) / "src" / folder) ? folder : "";
}

using Graph = std::map<std::string, std::map<std::string, std::string>>;  // folder -> folder -> where

/// The folders on a way from `at` back to a folder of `path`, or nothing.
std::vector<std::string> cycle_from(const Graph& graph, const std::string& at, std::vector<std::string> path,
                                    std::set<std::string>& done) {
  const auto seen = std::find(path.begin(), path.end(), at);
  path.push_back(at);
  if (seen != path.end() - 1 && std::count(path.begin(), path.end(), at) > 1) return path;
  if (!done.contains(at) && graph.contains(at))
    for (const auto& [next, where] : graph.at(at))
      if (const auto cycle = cycle_from(graph, next, path, done); !cycle.empty()) return cycle;
  done.insert(at);
  return {};
}

}  // namespace

TEST_CASE("foreign headers are included in their zones only") {
  const auto includes = all_includes();
  REQUIRE(includes.size() > 500);
  for (const Zone& zone : zones) {
    const std::regex header(std::string(zone.include) + ".*"), allowed(zone.allowed);
    int uses = 0;
    for (const Include& one : includes) {
      if (!std::regex_match(one.header, header)) continue;
      ++uses;
      if (!std::regex_match(one.file, allowed))
        FAIL_CHECK(one.file << ":" << one.line << " includes " << one.header << ", but " << zone.what << " only in "
                            << zone.allowed);
    }
    INFO("no file includes " << zone.what << ": the rule's name is out of date");
    CHECK(uses > 0);
  }
}

TEST_CASE("the rules find what they forbid") {
  const auto forbidden = [](const std::string& file, const std::string& header) {
    return std::any_of(std::begin(zones), std::end(zones), [&](const Zone& zone) {
      return std::regex_match(header, std::regex(std::string(zone.include) + ".*")) &&
             !std::regex_match(file, std::regex(zone.allowed));
    });
  };
  CHECK(forbidden("src/roles/head.cpp", "nlohmann/json.hpp"));
  CHECK(forbidden("src/frontend/openai_json.hpp", "nlohmann/json.hpp"));
  CHECK(forbidden("src/demo/user_driver.cpp", "boost/beast/http.hpp"));
  CHECK(forbidden("src/kernels/sampling.hpp", "Kokkos_Core.hpp"));
  CHECK(forbidden("src/rollout/engine.cpp", "torch/torch.h"));
  CHECK(forbidden("jobs/sft.cpp", "mpi.h"));
  CHECK_FALSE(forbidden("src/frontend/connection.hpp", "boost/asio/ip/tcp.hpp"));
  CHECK_FALSE(forbidden("src/model/torch/lora.hpp", "torch/torch.h"));
}

TEST_CASE("no two folders of src/ include each other, directly or around") {
  Graph graph;
  for (const Include& one : all_includes()) {
    const std::string from = folder_of(one.file), to = folder_of(one.header);
    if (one.file.starts_with("src/") && !to.empty() && from != to)
      graph[from].emplace(to, one.file + ":" + std::to_string(one.line));
  }
  REQUIRE(graph.size() > 10);
  std::set<std::string> done;
  for (const auto& [folder, unused] : graph) {
    const auto cycle = cycle_from(graph, folder, {}, done);
    for (std::size_t i = 0; i + 1 < cycle.size(); ++i)
      UNSCOPED_INFO(cycle[i] << " -> " << cycle[i + 1] << " at " << graph.at(cycle[i]).at(cycle[i + 1]));
    REQUIRE(cycle.empty());
  }
}
