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

/// One folder per process; what it holds is overwritten by the next case.
inline const std::string& folder() {
  static const std::string path = [] {
    const char* memory = std::filesystem::exists("/dev/shm") ? "/dev/shm" : "/tmp";
    std::string made = std::string(memory) + "/clawrl_fuzz_XXXXXX";
    if (!mkdtemp(made.data())) std::abort();
    std::atexit([] { std::filesystem::remove_all(folder()); });
    return made;
  }();
  return path;
}

inline std::string write_file(const std::string& name, const std::uint8_t* data, std::size_t size) {
  const std::string path = folder() + "/" + name;
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  return path;
}

}  // namespace clawrl::fuzz
