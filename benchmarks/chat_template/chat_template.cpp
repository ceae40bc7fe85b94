// Time to load a template, to render a conversation with tools and to make ids of it; see README.md.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "prompt/chat_template.hpp"

namespace {

using namespace clawrl;
using Clock = std::chrono::steady_clock;
using Json = nlohmann::ordered_json;

template <class Work> double median_ms(int repeats, const Work& work) {
  std::vector<double> times;
  for (int i = 0; i < repeats; ++i) {
    const auto begin = Clock::now();
    work();
    times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

std::vector<Message> messages_of(const Json& conversation) {
  std::vector<Message> messages;
  for (const Json& one : conversation["messages"]) {
    Message message{one["role"], one["content"], "", {}, one.value("tool_call_id", "")};
    if (one.contains("tool_calls"))
      for (const Json& call : one["tool_calls"])
        message.tool_calls.push_back({call["id"], call["function"]["name"], call["function"]["arguments"].dump()});
    messages.push_back(std::move(message));
  }
  return messages;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 4) {
    std::cerr << "use: bench_chat_template TEMPLATE_FOLDER TOKENIZER.json CONVERSATION.json\n";
    return 2;
  }
  const std::string folder = argv[1];
  const Tokenizer tokenizer = Tokenizer::load(argv[2]);
  std::ifstream in(argv[3]);
  const Json conversation = Json::parse(in);
  const auto messages = messages_of(conversation);
  const std::string tools = conversation["tools"].dump();
  const ChatTemplate chat_template = ChatTemplate::load(folder);
  std::string text;
  std::vector<TokenId> ids;
  const double load = median_ms(50, [&] { (void)ChatTemplate::load(folder); });
  const double render = median_ms(50, [&] { text = chat_template.render_text(messages, tools); });
  const double both = median_ms(50, [&] { ids = chat_template.render_ids(tokenizer, messages, tools); });
  std::printf("%zu messages, %zu bytes, %zu tokens\n", messages.size(), text.size(), ids.size());
  std::printf("load %.3f ms, render %.3f ms, render and tokenise (remembered) %.3f ms\n", load, render, both);
} catch (const std::exception& error) {
  std::cerr << error.what() << "\n";
  return 1;
}
