#include "demo/tokenizer_recipe.hpp"

#include <fstream>
#include <sstream>

#include "core/error.hpp"
#include "demo/corpus.hpp"
#include "prompt/bpe_trainer.hpp"

namespace clawrl::demo {
namespace {

constexpr int documents = 4000;          // of each kind
constexpr std::int64_t text_weight = 6;  // how often the other text counts, so that it gets its share of the merges

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  require(file.good(), "cannot read the tokenizer text " + path);
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

std::string generated_text() {
  Corpus corpus(Split::train, 11);
  std::string text;
  for (int i = 0; i < documents; ++i)
    for (const Document& document : {corpus.policy_document(), corpus.judge_document()})
      for (const Message& message : document.messages) text += message.text + "\n";
  return text;
}

}  // namespace

void make_demo_tokenizer(const std::vector<std::string>& text_files, int vocabulary, const std::string& output) {
  std::vector<std::string> contents{generated_text()};
  for (const std::string& path : text_files) contents.push_back(read_file(path));
  std::vector<WeightedText> texts;
  for (const std::string& text : contents) texts.push_back({text, texts.empty() ? 1 : text_weight});
  train_tokenizer(texts, vocabulary, output);
}

}  // namespace clawrl::demo
