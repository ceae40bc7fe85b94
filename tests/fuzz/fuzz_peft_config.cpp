// An adapter_config.json from anywhere: refused by name or read.

#include "core/error.hpp"
#include "fuzz/fuzz_input.hpp"
#include "model/peft_folder.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  clawrl::fuzz::write_file("adapter_config.json", data, size);
  try {
    clawrl::read_peft_config(clawrl::fuzz::folder());
  } catch (const clawrl::UserError&) {
  }
  return 0;
}
