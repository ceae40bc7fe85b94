#pragma once
// A small tokenizer made on the spot, so that these tests need nothing from outside.

#include <unistd.h>
#include <filesystem>
#include <string>

#include "prompt/bpe_trainer.hpp"
#include "prompt/tokenizer.hpp"

namespace clawrl::test {

/// A folder of this process that goes away with the object.
struct TemporaryFolder {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("clawrl_prompt_" + std::to_string(::getpid()) + "_" + unique());
  TemporaryFolder() { std::filesystem::create_directories(path); }
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  static std::string unique() {
    static int count = 0;
    return std::to_string(count++);
  }
};

inline constexpr const char* tiny_corpus =
    "the cat sat on the mat. the cat ate the rat; then the other cat sat there too.\n"
    "user system assistant: caf\xC3\xA9 caf\xC3\xA9 12 + 34 = 46\n\n  "
    "\xE4\xBD\xA0\xE5\xA5\xBD \xE4\xBD\xA0\xE5\xA5\xBD";

/// 256 bytes, 44 merges, then the added tokens: <|endoftext|> 300, <|im_start|> 301, <|im_end|> 302, <think> 303, ...
inline Tokenizer tiny_tokenizer(const TemporaryFolder& folder) {
  const WeightedText texts[] = {{tiny_corpus, 3}};
  train_tokenizer(texts, 300, folder.path.string());
  return Tokenizer::load((folder.path / "tokenizer.json").string());
}

}  // namespace clawrl::test
