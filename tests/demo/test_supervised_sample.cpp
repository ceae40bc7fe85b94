// Documents as the trainer gets them, with the committed models' own tokenizer.

#include <fstream>
#include <iostream>
#include <numeric>
#include <sstream>

#include "demo/corpus.hpp"
#include "prompt/chat_template.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::demo;

namespace {

const Tokenizer& tokenizer() {
  static const Tokenizer one = Tokenizer::load(CLAWRL_SOURCE_DIR "/configs/models/policy/tokenizer.json");
  return one;
}

const ChatTemplate& chat_template() {
  static const ChatTemplate one = ChatTemplate::load(CLAWRL_SOURCE_DIR "/configs/models/policy");
  return one;
}

std::vector<std::string> assistant_texts(const Document& document) {
  std::vector<std::string> texts;
  for (const Message& message : document.messages)
    if (message.role == "assistant") texts.push_back(message.text);
  return texts;
}

/// Texts of the runs of trained tokens.
std::vector<std::string> trained_texts(const TrainingSample& sample) {
  std::vector<std::string> texts;
  std::vector<TokenId> run;
  for (std::size_t i = 0; i <= sample.ids.size(); ++i) {
    if (i < sample.ids.size() && sample.loss_mask[i] != 0) {
      run.push_back(sample.ids[i]);
    } else if (!run.empty()) {
      texts.push_back(tokenizer().decode(run, false));
      run.clear();
    }
  }
  return texts;
}

}  // namespace

TEST_CASE("trained are the assistant's texts with their end, and nothing else") {
  Corpus corpus(Split::train, 21);
  int with_two = 0;
  for (int i = 0; i < 400; ++i) {
    Document document = i % 2 ? corpus.judge_document() : corpus.policy_document();
    document.whole = false;
    const TrainingSample sample = supervised_sample(document, tokenizer(), chat_template());
    std::vector<std::string> expected = assistant_texts(document);
    with_two += expected.size() == 2;
    for (std::string& text : expected) text += "<|im_end|>";
    CHECK(trained_texts(sample) == expected);
  }
  CHECK(with_two > 10);
}

TEST_CASE("the ids before the last reply are the prompt that a server would render") {
  Corpus corpus(Split::held_out, 22);
  for (int i = 0; i < 200; ++i) {
    const Document document = i % 2 ? corpus.judge_document() : corpus.policy_document();
    const TrainingSample sample = supervised_sample(document, tokenizer(), chat_template());
    const std::vector<Message> before(document.messages.begin(), document.messages.end() - 1);
    const std::vector<TokenId> prompt = chat_template().render_ids(tokenizer(), before, "");
    REQUIRE(sample.ids.size() > prompt.size());
    CHECK(std::equal(prompt.begin(), prompt.end(), sample.ids.begin()));
    CHECK(sample.ids.back() == tokenizer().id_of("<|im_end|>"));
  }
}

TEST_CASE("arrays have one entry per token; a whole document is trained but for its first token") {
  Corpus corpus(Split::train, 23);
  for (int i = 0; i < 50; ++i) {
    Document document = corpus.policy_document();
    document.whole = i % 2 == 0;
    const TrainingSample sample = supervised_sample(document, tokenizer(), chat_template());
    CHECK(sample.origin == "sft");
    CHECK(sample.loss_mask.size() == sample.ids.size());
    CHECK(sample.sampler_logprobs.size() == sample.ids.size());
    CHECK(sample.advantages.size() == sample.ids.size());
    CHECK(sample.loss_mask.front() == 0);
    const auto trained = std::accumulate(sample.loss_mask.begin(), sample.loss_mask.end(), std::size_t{0});
    if (document.whole)
      CHECK(trained + 1 == sample.ids.size());
    else
      CHECK(trained < sample.ids.size() / 2 + 40);
  }
}

TEST_CASE("an agent client's system prompt of 50,000 characters stays under 20,000 tokens") {
  std::ifstream file(CLAWRL_SOURCE_DIR "/configs/models/text/agent_prompt.md");
  std::ostringstream content;
  content << file.rdbuf();
  REQUIRE(content.str().size() > 1000);
  std::string prompt;
  while (prompt.size() < 50'000) prompt += content.str();
  prompt.resize(50'000);
  const auto tokens = tokenizer().encode(prompt, SpecialText::as_text).size();
  std::cout << "50,000 characters of an agent prompt are " << tokens << " tokens" << std::endl;
  CHECK(tokens < 20'000);
  CHECK(tokenizer().decode(tokenizer().encode(prompt, SpecialText::as_text), false) == prompt);
}
