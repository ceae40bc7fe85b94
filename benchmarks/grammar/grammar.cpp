// What a constrained token costs: compile, the first mask of a place in the grammar, masks after that; see README.md.

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iostream>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "grammar/constraint_grammar.hpp"
#include "grammar/constraint_masks.hpp"

namespace {

using namespace clawrl;
/// Of processor time of this thread: what other jobs of the machine take does not count.
double now() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) * 1e-3;
}

template <class Work>
double microseconds(const Work& work) {
  const double begin = now();
  work();
  return now() - begin;
}

/// Bytes, numbers, words with and without a blank before, words with punctuation and quotes around, three-byte
/// characters.
std::vector<std::pair<std::string, TokenId>> vocabulary(std::size_t size) {
  std::mt19937 random(1);
  std::set<std::string> tokens;
  for (int byte = 0; byte < 256; ++byte) tokens.insert(std::string(1, static_cast<char>(byte)));
  for (int n = 0; n < 1000; ++n) tokens.insert(std::to_string(n));
  const std::string letters = "eeeetttaaaoooiiinnnsssrrrhhlldducmfygpwbvk";
  const char* const ends[] = {"", "", "", "", "", "", "\"", "\":", "\",", "\"}", ".", ",", "_", "(", ");", "\n"};
  while (tokens.size() < size) {
    std::string word = random() % 2 ? " " : "";
    if (random() % 16 == 0) word += "\"";
    if (random() % 8 == 0) {
      word += static_cast<char>(0xE4 + random() % 5);
      word += static_cast<char>(0x80 + random() % 64);
      word += static_cast<char>(0x80 + random() % 64);
    } else {
      for (auto length = 2 + random() % 8; length > 0; --length) word += letters[random() % letters.size()];
    }
    tokens.insert(word + ends[random() % std::size(ends)]);
  }
  std::vector<std::pair<std::string, TokenId>> numbered;
  for (const auto& token : tokens) numbered.emplace_back(token, static_cast<TokenId>(numbered.size()) + 1);
  return numbered;
}

struct Case {
  const char* name;
  Constraint constraint;
  std::string reply;
};

const Case cases[] = {
    {"json_object",
     {Constraint::Kind::json_object, "", ""},
     R"({"name": "Ann Smith", "tags": ["red", "green"], "size": {"w": 12.5, "h": 3}, "note": "a longer text that goes on for a while"})"},
    {"json_schema",
     {Constraint::Kind::json_schema,
      R"({"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer","minimum":0},
      "tags":{"type":"array","items":{"enum":["red","green","blue"]}},"note":{"type":"string"},"more":{"$ref":"#"}},"required":["name","age"]})",
      ""},
     R"({"name": "Ann Smith", "age": 42, "tags": ["red", "green"], "note": "a longer text that goes on for a while", "more": {"name": "B", "age": 1}})"},
    {"maxLength 100",
     {Constraint::Kind::json_schema, R"({"type":"string","maxLength":100})", ""},
     R"("a longer text that goes on for a while")"},
    {"tool call",
     {Constraint::Kind::tool_call,
      R"([{"function":{"name":"get_weather","parameters":{"type":"object","properties":{"city":{"type":"string"},
      "days":{"type":"integer"}},"required":["city"]}}},{"function":{"name":"now"}}])",
      ""},
     "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Paris in the spring\", \"days\": "
     "3}}\n</tool_call>"},
};

/// One mask per byte of the reply: more places than tokens would visit.
std::vector<double> masks_along(grammar::ConstraintMasks& masks, const std::vector<TokenId>& reply) {
  std::vector<double> times;
  auto state = masks.start();
  for (const TokenId token : reply) {
    times.push_back(microseconds([&] { masks.allowed(state); }));
    state = masks.step(state, token);
  }
  if (!masks.may_end(state)) throw std::runtime_error("the benchmark's reply does not fit its constraint");
  std::sort(times.begin(), times.end());
  return times;
}

void measure(const Case& one, const std::shared_ptr<const grammar::TokenTrie>& trie,
             const std::vector<TokenId>& byte_ids) {
  std::shared_ptr<const grammar::Grammar> rules;
  const double compile = microseconds([&] {
    rules = grammar::constraint_grammar(one.constraint, {ToolFormat::hermes, false}, grammar::Thinking::none,
                                        [](const std::string&) { return false; });
  });
  grammar::ConstraintMasks masks(rules, trie, {0});
  std::vector<TokenId> reply;
  for (const char byte : one.reply) reply.push_back(byte_ids[static_cast<unsigned char>(byte)]);
  const auto total = [](const std::vector<double>& times) {
    double sum = 0;
    for (const double t : times) sum += t;
    return sum;
  };
  const auto first = masks_along(masks, reply), again = masks_along(masks, reply);
  std::printf(
      "%-14s %4zu places  compile %7.0f us  first: mean %7.1f median %7.1f largest %8.0f us  again: mean %6.2f us  "
      "held %5.1f MiB\n",
      one.name, reply.size(), compile, total(first) / static_cast<double>(first.size()), first[first.size() / 2],
      first.back(), total(again) / static_cast<double>(again.size()), static_cast<double>(masks.bytes()) / 1048576);
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t size = argc > 1 ? std::stoul(argv[1]) : 150000;
  auto tokens = vocabulary(size);
  if (argc > 2) {  // for a peer: one token a line, in hexadecimal
    std::ofstream out(argv[2]);
    for (const auto& [bytes, id] : tokens) {
      for (const unsigned char byte : bytes) out << "0123456789abcdef"[byte >> 4U] << "0123456789abcdef"[byte & 15U];
      out << "\n";
    }
  }
  std::vector<TokenId> byte_ids(256);
  for (const auto& [bytes, id] : tokens)
    if (bytes.size() == 1) byte_ids[static_cast<unsigned char>(bytes[0])] = id;
  std::shared_ptr<const grammar::TokenTrie> trie;
  const double build = microseconds([&] {
    trie = std::make_shared<const grammar::TokenTrie>(std::move(tokens), std::map<std::string, TokenId>{},
                                                      static_cast<std::int64_t>(size) + 1);
  });
  std::printf("%zu tokens, trie of %u nodes built in %.0f ms\n", size, trie->size(), build / 1000);
  for (const auto& one : cases) measure(one, trie, byte_ids);
}
