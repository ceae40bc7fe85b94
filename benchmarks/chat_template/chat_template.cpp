// Time to load a template, to render a conversation with tools and to make ids of it; see README.md.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>

#include "prompt/chat_template.hpp"
#include "prompt/jinja/json.hpp"

namespace {

using namespace clawrl;
using Clock = std::chrono::steady_clock;

template <class Work>
double median_ms(int repeats, const Work& work) {
  std::vector<double> times;
  for (int i = 0; i < repeats; ++i) {
    const auto begin = Clock::now();
    work();
    times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

const std::string& text(const jinja::Value& object, const std::string& key) {
  static const std::string none;
  const jinja::Value* found = jinja::as_dict(object)->find(key);
  return found ? jinja::as_text(*found)->bytes() : none;
}

std::string json_of(const jinja::Value& object, const std::string& key) {
  jinja::Text json;
  jinja::append_json(json, *jinja::as_dict(object)->find(key), {}, {});
  return json.bytes();
}

std::vector<Message> messages_of(const jinja::Value& conversation) {
  std::vector<Message> messages;
  for (const jinja::Value& one : jinja::as_list(*jinja::as_dict(conversation)->find("messages"))->items) {
    Message message{text(one, "role"), text(one, "content"), "", {}, text(one, "tool_call_id")};
    if (const jinja::Value* calls = jinja::as_dict(one)->find("tool_calls"))
      for (const jinja::Value& call : jinja::as_list(*calls)->items) {
        const jinja::Value& function = *jinja::as_dict(call)->find("function");
        message.tool_calls.push_back({text(call, "id"), text(function, "name"), json_of(function, "arguments")});
      }
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
  const jinja::Value conversation = jinja::parse_json(std::string(std::istreambuf_iterator<char>(in), {}));
  const auto messages = messages_of(conversation);
  const std::string tools = json_of(conversation, "tools");
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
