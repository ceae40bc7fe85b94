#pragma once
// Secrets and personal data are taken out of texts before anything is stored.

#include <memory>
#include <string>
#include <vector>

#include "core/message.hpp"
#include "core/turn.hpp"

namespace clawrl {

/// Names of the built-in categories: api_key, token, private_key, password, email, phone, ...
const std::vector<std::string>& redaction_categories();
/// Those that are on when nothing else is said: all but `ip`.
const std::vector<std::string>& default_redaction();

struct RedactionSettings {
  std::vector<std::string> categories = default_redaction();  // of redaction_categories(); {"none"} or empty = none
  std::string patterns_file;                                  // own regexes (privacy/pattern_file.hpp); empty = none
};

/// Thread-safe. Each hit becomes "[redacted:<category>]". The same text gives the same result, always; what has been
/// redacted has no hits any more. Time grows linearly with the text; an own regex sees a line at a time (of at most
/// 4096 bytes) and one that would backtrack without end hides the whole text instead.
class Redactor {
 public:
  /// UserError for an unknown category and, with file and line, for an own regex that does not compile, matches
  /// nothing at all, or backtracks too much.
  explicit Redactor(const RedactionSettings& settings = {});
  ~Redactor();
  Redactor(Redactor&&) noexcept;

  // In place; the number of hits.
  int redact(std::string& text) const;
  int redact(Message& message) const;  // text, reasoning, arguments of calls
  int redact(std::vector<Message>& messages) const;
  /// All text of a turn. With a hit the turn loses what could bring the text back: hide_ids().
  int redact(Turn& turn) const;

  /// For ids that clients choose (user, session): the same if nothing in it is to be redacted, else a name made of its
  /// hash: "email-1f0c...". Equal ids stay equal and different ones different.
  std::string identifier(const std::string& id) const;

 private:
  struct Rules;
  std::unique_ptr<const Rules> rules_;
};

/// What a turn with a hit must not keep: prompt and sampled ids, log-probs, top-k, masks.
void hide_ids(Turn& turn);

}  // namespace clawrl
