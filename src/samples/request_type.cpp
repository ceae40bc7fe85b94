#include "samples/request_type.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include "feedback/words.hpp"
#include "session/client_text.hpp"

namespace clawrl {
namespace {

constexpr std::size_t kWordsRead = 200, kBytesRead = 4000;

struct Kind {
  const char* name;
  std::set<std::string_view> words;
  std::vector<std::string_view> marks;  // pieces of the raw text
};

const std::array<Kind, 3>& kinds() {
  static const std::array<Kind, 3> all = {{
      {"code",
       {"code", "function", "bug",     "compile", "compiler",  "python", "javascript", "typescript",
        "rust", "java",     "bash",    "shell",   "script",    "sql",    "regex",      "api",
        "json", "refactor", "class",   "method",  "variable",  "debug",  "stack",      "commit",
        "git",  "repo",     "cmake",   "loop",    "exception", "unit",   "linter",     "docker",
        "html", "css",      "program", "error",   "traceback"},
       {"```", "();", "#include", "def ", "import ", "->", "=="}},
      {"math",
       {"many",  "much",      "sum",     "total",       "add",   "subtract",   "multiply", "divide", "equation",
        "solve", "calculate", "percent", "fraction",    "half",  "triangle",   "integral", "twice",  "derivative",
        "left",  "average",   "number",  "probability", "proof", "altogether", "theorem",  "cost",   "costs"},
       {" + ", " = ", " x ", " * ", "%", "^2", "\\frac"}},
      {"writing",
       {"write", "rewrite",   "draft",     "email",   "letter",    "essay",    "poem",
        "story", "summarize", "summarise", "summary", "translate", "tone",     "title",
        "blog",  "rephrase",  "proofread", "shorten", "polish",    "paragraph"},
       {}},
  }};
  return all;
}

bool has_digit(const std::string& word) {
  return std::any_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; });
}

int marks_of(const Kind& kind, const std::vector<Word>& words, const std::string& text) {
  int marks = 0;
  for (const auto& word : words) marks += kind.words.contains(word.text) ? 1 : 0;
  for (const auto mark : kind.marks) marks += text.find(mark) != std::string::npos ? 1 : 0;
  return marks;
}

bool asks(const std::vector<Word>& words, const std::string& text) {
  static const std::set<std::string_view> openers = {"what", "who", "when", "where", "why",   "how", "which",
                                                     "is",   "are", "can",  "does",  "could", "do"};
  return text.find('?') != std::string::npos || (!words.empty() && openers.contains(words.front().text));
}

}  // namespace

std::string request_kind(const std::string& text) {
  const std::string read = text.substr(0, kBytesRead);
  auto words = split_words(read);
  if (words.size() > kWordsRead) words.resize(kWordsRead);
  const char* best = nullptr;
  int most = 0;
  for (const auto& kind : kinds()) {
    int marks = marks_of(kind, words, read);
    // Words like "many" or "left" say nothing without a number beside them.
    if (kind.name == std::string_view("math"))
      marks = std::any_of(words.begin(), words.end(), [](const Word& w) { return has_digit(w.text); }) ? marks : 0;
    if (marks > most) {
      most = marks;
      best = kind.name;
    }
  }
  if (best) return best;
  return asks(words, read) ? "question" : "chat";
}

std::string request_type(const std::vector<Message>& messages, bool tools) {
  std::string kind = "chat";
  const auto last = std::find_if(messages.rbegin(), messages.rend(), is_users);
  if (!messages.empty() && messages.back().role == "tool")
    kind = "step";
  else if (last != messages.rend())
    kind = request_kind(user_words(last->text));
  return tools ? kind + "+tools" : kind;
}

std::string request_type(const Turn& turn) {
  return request_type(turn.messages, !turn.tools.empty());
}

int episode_step(const Turn& turn) {
  constexpr std::ptrdiff_t last_step = 15;
  const auto asked = std::find_if(turn.messages.rbegin(), turn.messages.rend(), is_users);
  const auto replies =
      std::count_if(turn.messages.rbegin(), asked, [](const Message& message) { return message.role == "assistant"; });
  return static_cast<int>(std::min(replies, last_step));
}

}  // namespace clawrl
