#include "privacy/redactor.hpp"

#include <algorithm>
#include <span>

#include "core/checksum.hpp"
#include "core/error.hpp"
#include "privacy/pattern.hpp"
#include "privacy/pattern_file.hpp"
#include "privacy/rules.hpp"

namespace clawrl {

using privacy::Pattern;
using privacy::Span;

namespace {

constexpr std::size_t own_window = 4096;  // bytes of a line that an own regex sees at once
// A hit that is taken out can lay another one bare beside it. The limit is for own regexes that match others' marks.
constexpr int most_passes = 8;

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < text.size();) {
    const auto bar = std::min(text.find('|', at), text.size());
    parts.push_back(text.substr(at, bar - at));
    at = bar + 1;
  }
  return parts;
}

std::string lower(const std::string& text) {
  std::string made(text);
  for (char& c : made)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return made;
}

std::string replacement(const std::string& category) {
  return "[redacted:" + category + "]";
}

/// Texts on which a regex with nested or adjoining repeats shows what it is.
void require_bounded(const Pattern& pattern, const std::string& where) {
  const auto repeated = [](const std::string& piece) {
    std::string text;
    while (text.size() < own_window - 8) text += piece;
    return text;
  };
  for (const char* piece : {"a", "0", " ", "a1", "a ", "-", ".a", "Ab_", "@a.", "=", "/x", "\"", "\xC3\xA9"})
    for (const char* end : {"", "!", "\x01"}) {
      Span hit;
      require(pattern.find(repeated(piece) + end, 0, hit) != Pattern::Found::too_costly,
              where +
                  ": the regex backtracks too much on repeated text; give its repeats a bound or make them "
                  "possessive (++, *+)");
    }
}

/// The end of the window that begins at `begin`: the end of the line, or where a character begins.
std::size_t window_end(const std::string& text, std::size_t begin) {
  const std::size_t line = std::min(text.find('\n', begin), text.size());
  std::size_t end = std::min(line, begin + own_window);
  while (end < line && end > begin + 1 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return end;
}

}  // namespace

struct Redactor::Rules {
  struct BuiltIn {
    std::string mark;
    std::vector<std::string> needs;
    Pattern pattern;
    privacy::Check check;
  };
  struct Own {
    std::string mark;
    Pattern pattern;
  };
  std::vector<BuiltIn> built_in;
  std::vector<Own> own;

  void add(const std::vector<privacy::Rule>& rules, const std::vector<std::string>& categories) {
    for (const privacy::Rule& rule : rules)
      if (std::find(categories.begin(), categories.end(), rule.category) != categories.end())
        built_in.push_back({replacement(rule.category), split(rule.needs),
                            Pattern(rule.regex, Pattern::Kind::built_in, std::string("rule ") + rule.category),
                            rule.check});
  }

  int apply_all(std::string& text) const {
    int hits = 0;
    const std::string small = lower(text);  // marks that come in meanwhile are nothing that a rule needs
    for (const auto& rule : built_in) {
      const auto present = [&](const std::string& part) { return small.find(part) != std::string::npos; };
      if (rule.needs.empty() || std::any_of(rule.needs.begin(), rule.needs.end(), present)) hits += apply(rule, text);
    }
    for (const auto& rule : own) hits += apply(rule, text);
    return hits;
  }

  static int apply(const BuiltIn& rule, std::string& text) {
    std::string made;
    std::size_t done = 0, from = 0;
    int hits = 0;
    for (Span hit; from < text.size();) {
      const auto found = rule.pattern.find(text, from, hit);
      if (found == Pattern::Found::no) break;
      if (found == Pattern::Found::too_costly) {
        text = rule.mark;
        return hits + 1;
      }
      const std::string_view part = std::string_view(text).substr(hit.begin, hit.end - hit.begin);
      const std::size_t length = rule.check ? rule.check(part) : part.size();
      from = length > 0 ? hit.begin + length : hit.begin + 1;
      if (length == 0) continue;
      made.append(text, done, hit.begin - done).append(rule.mark);
      done = from;
      ++hits;
    }
    if (hits > 0) text = made.append(text, done, std::string::npos);
    return hits;
  }

  static int apply(const Own& rule, std::string& text) {
    std::string made;
    int hits = 0;
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = window_end(text, begin);
      const std::string_view window = std::string_view(text).substr(begin, end - begin);
      std::size_t done = 0;
      for (Span hit; done < window.size();) {
        const auto found = rule.pattern.find(window, done, hit);
        if (found == Pattern::Found::no) break;
        if (found == Pattern::Found::too_costly) {
          text = rule.mark;
          return hits + 1;
        }
        made.append(window.substr(done, hit.begin - done)).append(rule.mark);
        done = hit.end;
        ++hits;
      }
      made.append(window.substr(done));
      begin = end;
      if (begin < text.size() && text[begin] == '\n') made += text[begin++];
    }
    if (hits > 0) text = std::move(made);
    return hits;
  }
};

const std::vector<std::string>& redaction_categories() {
  static const std::vector<std::string> names{"api_key", "token", "private_key", "password",    "email",
                                              "phone",   "iban",  "card",        "national_id", "ip"};
  return names;
}

const std::vector<std::string>& default_redaction() {
  static const std::vector<std::string> names(redaction_categories().begin(), redaction_categories().end() - 1);
  return names;
}

Redactor::Redactor(const RedactionSettings& settings) {
  auto rules = std::make_unique<Rules>();
  const auto& known = redaction_categories();
  const bool none = settings.categories == std::vector<std::string>{"none"};
  for (const std::string& category : settings.categories)
    require(none || std::find(known.begin(), known.end(), category) != known.end(),
            "privacy.redact: there is no category '" + category + "'");
  if (!none) rules->add(privacy::secret_rules(), settings.categories);
  if (!none) rules->add(privacy::personal_rules(), settings.categories);
  if (!settings.patterns_file.empty())
    for (const privacy::OwnPattern& own : privacy::read_patterns(settings.patterns_file)) {
      Pattern pattern(own.regex, Pattern::Kind::own, own.where);
      Span hit;
      const std::string mark = replacement(own.category);
      require(pattern.find(mark, 0, hit) != Pattern::Found::yes,
              own.where + ": the regex matches its own replacement " + mark);
      require_bounded(pattern, own.where);
      rules->own.push_back({mark, std::move(pattern)});
    }
  rules_ = std::move(rules);
}

Redactor::~Redactor() = default;
Redactor::Redactor(Redactor&&) noexcept = default;

int Redactor::redact(std::string& text) const {
  int hits = 0;
  for (int pass = 0; pass < most_passes && !text.empty(); ++pass) {
    const int found = rules_->apply_all(text);
    hits += found;
    if (found == 0) break;
  }
  return hits;
}

int Redactor::redact(Message& message) const {
  int hits = redact(message.text) + redact(message.reasoning);
  for (ToolCall& call : message.tool_calls) hits += redact(call.arguments);
  return hits;
}

int Redactor::redact(std::vector<Message>& messages) const {
  int hits = 0;
  for (Message& message : messages) hits += redact(message);
  return hits;
}

int Redactor::redact(Turn& turn) const {
  const int hits = redact(turn.messages) + redact(turn.tools) + redact(turn.template_arguments) + redact(turn.reply) +
                   redact(turn.reply_message) + redact(turn.next_state) + redact(turn.completion.error);
  if (hits > 0) hide_ids(turn);
  return hits;
}

std::string Redactor::identifier(const std::string& id) const {
  std::string shown = id;
  if (redact(shown) == 0) return id;
  const auto begin = shown.find("[redacted:") + 10;
  return shown.substr(begin, shown.find(']', begin) - begin) + "-" + hex(checksum(std::as_bytes(std::span(id))));
}

void hide_ids(Turn& turn) {
  turn.prompt.clear();
  Completion kept;
  kept.sampling = turn.completion.sampling;
  kept.finish = turn.completion.finish;
  kept.cached_tokens = turn.completion.cached_tokens;
  kept.error = turn.completion.error;
  turn.completion = std::move(kept);
}

}  // namespace clawrl
