// Makes the demo tokenizer: train_tokenizer --tokenizer.out DIR [--tokenizer.texts a.md,b.md]

#include <iostream>

#include "config/parse.hpp"
#include "demo/tokenizer_recipe.hpp"

int main(int argc, char** argv) try {
  std::string out = "out/tokenizer", help;
  std::int32_t vocabulary = 3065;
  std::vector<std::string> texts = {"configs/models/text/agent_prompt.md", "configs/models/text/project_pages.md"};
  clawrl::SettingList own;
  own.add("tokenizer.out", out, "folder of tokenizer.json and tokenizer_config.json");
  own.add("tokenizer.vocabulary", vocabulary, "tokens without the added ones", clawrl::between(256, 65536));
  own.add("tokenizer.texts", texts, "further text files: markdown, JSON, English");
  clawrl::RunConfig config;
  if (!clawrl::parse(argc, argv, {"train_tokenizer", "Makes the demo models' tokenizer.", {}}, config, help, &own)) {
    std::cout << help;
    return 0;
  }
  clawrl::demo::make_demo_tokenizer(texts, vocabulary, out);
  std::cout << "wrote " << out << "/tokenizer.json" << std::endl;
  return 0;
} catch (const std::exception& error) {
  std::cerr << "train_tokenizer: " << error.what() << std::endl;
  return 1;
}
