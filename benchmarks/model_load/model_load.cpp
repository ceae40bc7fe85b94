// What does it cost to turn a model folder into the image of weights that the roles read? Each load is a process of its
// own, so that its peak is its own. Lines: name,folder,dtype,cache,value,unit.

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "model/weight_image.hpp"

using namespace clawrl;
namespace fs = std::filesystem;

namespace {

std::vector<fs::path> weight_files(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".safetensors") files.push_back(entry.path());
  require(!files.empty(), folder.string() + ": no .safetensors file");
  return files;
}

/// The kernel may keep pages that another process maps; nobody should use the folder meanwhile.
void drop_from_cache(const std::vector<fs::path>& files) {
  for (const auto& file : files) {
    const int descriptor = ::open(file.c_str(), O_RDONLY);
    require(descriptor >= 0, file.string() + ": cannot be opened");
    ::fsync(descriptor);  // dirty pages stay
    ::posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
    ::close(descriptor);
  }
}

void read_raw(const std::vector<fs::path>& files) {
  std::vector<char> buffer(1 << 20);
  for (const auto& file : files) {
    const int descriptor = ::open(file.c_str(), O_RDONLY);
    require(descriptor >= 0, file.string() + ": cannot be opened");
    while (::read(descriptor, buffer.data(), buffer.size()) > 0) {
    }
    ::close(descriptor);
  }
}

/// "VmHWM" is the peak of the resident pages, those of mapped files included; "RssAnon" the memory that is its own.
double status_mib(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(key + ":")) return std::stod(line.substr(key.size() + 1)) / 1024;
  return 0;
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void measure(const std::string& name, const std::string& tag, const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  const auto line = [&](const char* figure, double value, const char* unit) {
    std::printf("%s%s,%s,%.6g,%s\n", name.c_str(), figure, tag.c_str(), value, unit);
  };
  line("", seconds.count(), "s");
  line(".cpu", cpu_seconds(), "s");
  line(".peak_rss", status_mib("VmHWM"), "MiB");
  line(".own_at_end", status_mib("RssAnon"), "MiB");
  std::fflush(stdout);
}

void in_child(const std::function<void()>& work) {
  const pid_t child = ::fork();
  require(child >= 0, "fork failed");
  if (child == 0) {
    try {
      work();
      ::_exit(0);
    } catch (const std::exception& error) {
      std::cerr << "model_load: " << error.what() << std::endl;
      ::_exit(1);
    }
  }
  int status = 0;
  require(::waitpid(child, &status, 0) == child && status == 0, "a load failed");
}

void measure_all(const std::string& folder, const std::string& cache, const std::vector<fs::path>& files) {
  const auto size = fs::path(folder).filename().string();
  const bool cold = cache == "cold";
  const auto prepare = [&] { cold ? drop_from_cache(files) : read_raw(files); };
  prepare();
  in_child([&] { measure("raw.read", size + ",file," + cache, [&] { read_raw(files); }); });
  for (const std::string dtype : {"fp32", "bf16"}) {
    prepare();
    in_child([&] {
      std::shared_ptr<const WeightImage> image;
      measure("clawrl.load", size + "," + dtype + "," + cache,
              [&] { image = load_weight_image(folder, parse_matrix_type(dtype)); });
      std::printf("clawrl.image,%s,%s,%s,%.6g,MiB\n", size.c_str(), dtype.c_str(), cache.c_str(),
                  static_cast<double>(image->bytes()) / (1 << 20));
      std::fflush(stdout);
    });
  }
}

}  // namespace

int main(int argc, char** argv) try {
  require(argc == 2 || argc == 3, "usage: model_load MODEL_FOLDER [REPETITIONS = 3]");
  const auto files = weight_files(argv[1]);
  for (int i = 0; i < (argc == 3 ? std::stoi(argv[2]) : 3); ++i)
    for (const std::string cache : {"cold", "warm"}) measure_all(argv[1], cache, files);
} catch (const std::exception& error) {
  std::cerr << "model_load: " << error.what() << std::endl;
  return 1;
}
