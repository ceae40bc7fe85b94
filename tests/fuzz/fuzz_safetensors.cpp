// A safetensors file from anywhere: refused by name, or every byte that its header promises can be read.

#include "core/error.hpp"
#include "fuzz/fuzz_input.hpp"
#include "model/safetensors.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto path = clawrl::fuzz::write_file("model.safetensors", data, size);
  try {
    const clawrl::SafetensorsFile file(path);
    volatile unsigned sum = 0;
    for (const auto& tensor : file.tensors()) {
      if (tensor.bytes() == 0) continue;
      const auto* bytes = static_cast<const unsigned char*>(tensor.data);
      sum = sum + bytes[0] + bytes[tensor.bytes() - 1];
    }
  } catch (const clawrl::UserError&) {
  }
  return 0;
}
