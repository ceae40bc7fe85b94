#pragma once
// Where the reference vectors are: $CLAWRL_FIXTURES, else ../shared/fixtures beside the checkout.

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>

namespace clawrl::test {

/// Path of `name` under the fixtures folder; ends the program with ctest's skip code and a clear line if it is absent.
inline std::filesystem::path fixture(const std::string& name) {
  const char* set = std::getenv("CLAWRL_FIXTURES");
  const std::filesystem::path root = set ? set : CLAWRL_SOURCE_DIR "/../shared/fixtures";
  if (!std::filesystem::exists(root / name)) {
    std::cout << "SKIPPED: no fixture " << (root / name).string() << " (set CLAWRL_FIXTURES)" << std::endl;
    std::exit(77);
  }
  return root / name;
}

inline void compared(const std::string& what, std::size_t cases) {
  std::cout << "compared " << cases << " " << what << " cases" << std::endl;
}

}  // namespace clawrl::test
