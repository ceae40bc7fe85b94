// Tokens per second of encode, decode and the stream decoder on a text given by file; see README.md.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "prompt/bpe_trainer.hpp"
#include "prompt/detokenizer.hpp"
#include "prompt/tokenizer.hpp"

namespace {

using clawrl::TokenId;
using clawrl::Tokenizer;
using Clock = std::chrono::steady_clock;

template <class Work>
double seconds(const Work& work) {
  const auto begin = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

template <class Work>
double median_seconds(int repeats, const Work& work) {
  std::vector<double> times;
  for (int i = 0; i < repeats; ++i) times.push_back(seconds(work));
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

void report(const char* what, double time, std::size_t tokens) {
  std::printf("%-34s %10.3f ms %10.2f M tokens/s\n", what, time * 1e3, static_cast<double>(tokens) / time * 1e-6);
}

std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error(path + ": cannot be read");
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The text again and again until it has `tokens` tokens (cut between characters by going through the ids).
std::string prompt_of(const Tokenizer& tokenizer, std::string text, std::size_t tokens) {
  std::vector<TokenId> ids = tokenizer.encode(text);
  while (ids.size() < tokens && !ids.empty()) {
    text += text;
    ids = tokenizer.encode(text);
  }
  ids.resize(std::min(ids.size(), tokens));
  return tokenizer.decode(ids, false);
}

/// The cache of merged pieces is warm, the memory of whole prompts is not used: the text differs from its first byte
/// on.
double other_prompt_seconds(const Tokenizer& tokenizer, const std::string& prompt) {
  int round = 0;
  std::vector<double> times;
  for (int i = 0; i < 50; ++i) {
    const std::string other = std::to_string(++round) + "\n" + prompt;
    times.push_back(seconds([&] { tokenizer.encode(other); }));
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

/// A prompt of which `tokenizer` knows all but the last 100 tokens.
double extended_prompt_seconds(const std::string& tokenizer_json, const Tokenizer& warm, const std::string& prompt,
                               const std::vector<TokenId>& ids) {
  const std::string known =
      warm.decode(std::span(ids).first(ids.size() - std::min<std::size_t>(100, ids.size())), false);
  std::vector<double> times;
  for (int i = 0; i < 9; ++i) {
    const Tokenizer tokenizer = Tokenizer::load(tokenizer_json);
    tokenizer.encode(known);
    times.push_back(seconds([&] { tokenizer.encode(prompt); }));
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

void measure(const std::string& tokenizer_json, const std::string& text_file, std::size_t tokens) {
  const std::string prompt = prompt_of(Tokenizer::load(tokenizer_json), read_text(text_file), tokens);
  std::vector<TokenId> ids;
  std::vector<double> firsts;
  for (int i = 0; i < 9; ++i) {
    const Tokenizer fresh = Tokenizer::load(tokenizer_json);
    firsts.push_back(seconds([&] { ids = fresh.encode(prompt); }));
  }
  std::sort(firsts.begin(), firsts.end());
  const Tokenizer tokenizer = Tokenizer::load(tokenizer_json);
  tokenizer.encode(prompt);
  std::printf("%zu bytes, %zu tokens\n", prompt.size(), ids.size());
  report("encode, nothing cached", firsts[firsts.size() / 2], ids.size());
  report("encode, pieces cached", other_prompt_seconds(tokenizer, prompt), ids.size());
  report("encode, all but 100 tokens known", extended_prompt_seconds(tokenizer_json, tokenizer, prompt, ids),
         ids.size());
  report("encode, the same again", median_seconds(50, [&] { ids = tokenizer.encode(prompt); }), ids.size());
  std::string text;
  report("decode, median of 50", median_seconds(50, [&] { text = tokenizer.decode(ids, false); }), ids.size());
  report("stream decode, median of 50",
         median_seconds(50,
                        [&] {
                          clawrl::Detokenizer stream(tokenizer, true);
                          text.clear();
                          for (const TokenId id : ids) text += stream.push(id);
                          text += stream.flush();
                        }),
         ids.size());
}

void measure_training(const std::string& text_file, int vocab_size) {
  const std::string text = read_text(text_file);
  const clawrl::WeightedText texts[] = {{text, 1}};
  const double time = seconds([&] { clawrl::train_bpe(texts, vocab_size); });
  std::printf("training %d tokens on %.1f MB: %.2f s\n", vocab_size, static_cast<double>(text.size()) * 1e-6, time);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  try {
    if (arguments.size() == 3 && arguments[0] == "train") {
      measure_training(arguments[1], std::stoi(arguments[2]));
    } else if (arguments.size() == 2 || arguments.size() == 3) {
      measure(arguments[0], arguments[1], arguments.size() == 3 ? std::stoul(arguments[2]) : 12000);
    } else {
      std::cerr << "use: bench_tokenizer_speed TOKENIZER.json TEXT_FILE [TOKENS = 12000]\n"
                   "     bench_tokenizer_speed train TEXT_FILE VOCABULARY_SIZE\n";
      return 2;
    }
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
