// A config.json from anywhere: refused by name, or written and read again it means the same.

#include <cstdlib>

#include "core/error.hpp"
#include "fuzz/fuzz_input.hpp"
#include "model/model_config.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  clawrl::fuzz::write_file("config.json", data, size);
  try {
    const auto config = clawrl::read_model_config(clawrl::fuzz::folder());
    const std::string copy = clawrl::fuzz::folder() + "/copy";
    clawrl::write_model_config(config, copy);
    if (!(clawrl::read_model_config(copy) == config)) std::abort();
  } catch (const clawrl::UserError&) {
  }
  return 0;
}
