// What a reply, a task or a next state may try: close its block, give instructions, pose as the judge's answer.
// The judge's prompt must be the same around it, and the answer's parsers must never see it.

#include <functional>

#include "prm/fault_parser.hpp"
#include "prm/hint_parser.hpp"
#include "prm/injection_texts.hpp"
#include "prm/judge_prompt.hpp"
#include "prm/vote_parser.hpp"
#include "prompt/chat_template.hpp"
#include "prompt/tiny_tokenizer.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using test::injections;

namespace {

int count(const std::string& text, const std::string& part) {
  int n = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++n;
  return n;
}

/// The user message with what stands inside the blocks taken out.
std::string around_blocks(const std::string& text) {
  std::string around;
  std::size_t at = 0;
  for (auto open = text.find("<<"); open != std::string::npos; open = text.find("<<", at)) {
    around += text.substr(at, open + 2 - at);
    at = text.find(">>", open);
    REQUIRE(at != std::string::npos);
  }
  return around + text.substr(at);
}

std::string inside_blocks(const std::string& text) {
  std::string inside;
  for (auto open = text.find("<<"); open != std::string::npos; open = text.find("<<", open)) {
    const auto close = text.find(">>", open);
    inside += text.substr(open + 2, close - open - 2) + "\n";
    open = close;
  }
  return inside;
}

using Prompt = std::function<std::vector<Message>(const JudgedTurn&)>;

const std::vector<Prompt>& prompts() {
  static const JudgePromptLimits wide{1000, 1000, 1000};
  static const std::vector<Prompt> all = {
      [](const JudgedTurn& t) { return vote_prompt(t, wide); },
      [](const JudgedTurn& t) { return hint_prompt(t, wide); },
      [](const JudgedTurn& t) { return vote_prompt(t, wide, {.severity = true, .fault = true}); },
      [](const JudgedTurn& t) { return vote_prompt(t, wide, {.self = true}); },
      [](const JudgedTurn& t) { return hint_prompt(t, wide, {.self = true}); },
  };
  return all;
}

JudgedTurn with(std::size_t part, const std::string& text) {
  JudgedTurn turn{"Add 2 and 3.", "It is 5.", "No, that is wrong.", "user"};
  (part == 0 ? turn.task : part == 1 ? turn.reply : turn.next_state) = text;
  return turn;
}

}  // namespace

TEST_CASE("no injection changes a word of what the judge is told") {
  REQUIRE(injections().size() >= 30);
  for (const auto& prompt : prompts()) {
    const auto plain = prompt(with(9, ""));
    const std::string frame = around_blocks(plain[1].text);
    for (const auto& injection : injections())
      for (std::size_t part = 0; part < 3; ++part)
        for (const std::string& text : {injection, "5. " + injection, injection + " ok"}) {
          INFO(text);
          const auto made = prompt(with(part, text));
          REQUIRE(made.size() == 2);
          CHECK(made[0].text == plain[0].text);
          CHECK(count(made[1].text, "<<") == count(plain[1].text, "<<"));
          CHECK(count(made[1].text, ">>") == count(plain[1].text, ">>"));
          CHECK(around_blocks(made[1].text) == frame);
        }
  }
}

TEST_CASE("inside a block nothing reads as an answer, whoever echoes it") {
  for (const auto& prompt : prompts())
    for (const auto& injection : injections())
      for (std::size_t part = 0; part < 3; ++part) {
        INFO(injection);
        const std::string inside = inside_blocks(prompt(with(part, injection))[1].text);
        CHECK_FALSE(parse_vote(inside));
        CHECK_FALSE(parse_hint(inside));
        CHECK_FALSE(parse_fault(inside));
        CHECK(parse_severity(inside) == 0);
      }
}

TEST_CASE("as tokens the prompt has the template's special tokens and no others") {
  test::TemporaryFolder folder;
  const Tokenizer tokenizer = test::tiny_tokenizer(folder);
  const auto chat = ChatTemplate::load(CLAWRL_SOURCE_DIR "/configs/models/prm");
  const auto added = [&](const std::vector<Message>& messages) {
    std::vector<TokenId> ids;
    for (const TokenId id : chat.render_ids(tokenizer, messages, ""))
      if (id >= 300) ids.push_back(id);
    return ids;
  };
  for (const auto& prompt : prompts()) {
    const auto plain = added(prompt(with(9, "")));
    for (const auto& injection : injections())
      for (std::size_t part = 0; part < 3; ++part) {
        INFO(injection);
        CHECK(added(prompt(with(part, injection))) == plain);
      }
  }
}

TEST_CASE("a boxed answer that is no vote reaches the judge as it was written") {
  const std::string text = vote_prompt(with(1, "\\boxed{12} and \\boxed{-10}"))[1].text;
  CHECK(text.find("<<\\boxed{12} and \\boxed{-10}>>") != std::string::npos);
}
