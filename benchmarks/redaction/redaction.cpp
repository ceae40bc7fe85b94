// Megabytes per second of the redactor on texts given by file, and on made ones; see README.md.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "privacy/redactor.hpp"

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t wanted_bytes = 48'000;  // an agent's prompt of about 12,000 tokens

std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error(path + ": cannot be read");
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string repeated(const std::string& piece) {
  std::string text;
  while (text.size() < wanted_bytes) text += piece;
  return text.substr(0, wanted_bytes);
}

void report(const std::string& what, const clawrl::Redactor& redactor, const std::string& text) {
  std::vector<double> times;
  int hits = 0;
  for (int i = 0; i < 41; ++i) {
    std::string made = text;
    const auto begin = Clock::now();
    hits = redactor.redact(made);
    times.push_back(std::chrono::duration<double>(Clock::now() - begin).count());
  }
  std::nth_element(times.begin(), times.begin() + 20, times.end());
  std::printf("%-28s %8zu bytes %5d hits %8.3f ms %8.1f MB/s\n", what.c_str(), text.size(), hits, times[20] * 1e3,
              static_cast<double>(text.size()) / times[20] * 1e-6);
}

}  // namespace

int main(int argc, char** argv) {
  const clawrl::Redactor redactor;
  for (int i = 1; i < argc; ++i) report(argv[i], redactor, repeated(read_text(argv[i])));
  report("prose", redactor,
         repeated("Mia has three red apples and buys four more at the market. How many are there now? "));
  report("numbers", redactor, repeated("1764354702 4155552671 12.5 2026-11-28 18:31:42.123456 0x7f3a 98,120 17 "));
  report("one long word", redactor, repeated("a"));
  report("an address a line", redactor,
         repeated("write to mia@"
                  "stone.org or call +49 170"
                  " 1234567\n"));
}
