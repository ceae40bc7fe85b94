#pragma once
// The bytes of one fuzz case as a file, for readers that take a path.

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace clawrl::fuzz {

/// A folder for this process, gone with it; what it holds is overwritten by the next case.
class CaseFolder {
 public:
  CaseFolder() : path(std::string(std::filesystem::exists("/dev/shm") ? "/dev/shm" : "/tmp") + "/clawrl_fuzz_XXXXXX") {
    if (!mkdtemp(path.data())) std::abort();
  }
  ~CaseFolder() { std::filesystem::remove_all(path); }
  std::string path;
};

inline const std::string& folder() {
  static const CaseFolder made;
  return made.path;
}

inline std::string write_file(const std::string& name, const std::uint8_t* data, std::size_t size) {
  const std::string path = folder() + "/" + name;
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  return path;
}

}  // namespace clawrl::fuzz
