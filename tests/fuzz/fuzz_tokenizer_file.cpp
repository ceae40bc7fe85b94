// A tokenizer.json from anywhere: refused by name, or it encodes and decodes without a fault.

#include <cstdlib>

#include "core/error.hpp"
#include "fuzz/fuzz_input.hpp"
#include "prompt/tokenizer.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto path = clawrl::fuzz::write_file("tokenizer.json", data, size);
  try {
    const auto tokenizer = clawrl::Tokenizer::load(path);
    const auto ids = tokenizer.encode("Hello, 12345 w\xc3\xb6rld <|im_end|>\xff \xf0\x9f\x98\x80");
    for (auto id : ids)
      if (id < 0 || id >= tokenizer.vocab_size()) std::abort();
    tokenizer.decode(ids, false);
  } catch (const clawrl::UserError&) {
  }
  return 0;
}
