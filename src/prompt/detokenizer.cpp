#include "prompt/detokenizer.hpp"

#include "prompt/utf8.hpp"

namespace clawrl {

Detokenizer::Detokenizer(const Tokenizer& tokenizer, bool skip_special)
    : tokenizer_(tokenizer), skip_special_(skip_special), spaces_to_strip_(tokenizer.stripped_spaces()) {}

std::string Detokenizer::push(TokenId id) {
  if (skip_special_ && tokenizer_.is_special(id)) return {};
  const std::string_view bytes = tokenizer_.bytes_of(id);
  if (tokenizer_.is_byte_token(id)) {
    run_ += bytes;
    return {};
  }
  if (bytes.empty()) return {};
  if (run_.empty()) return stripped(push_bytes(bytes));
  return stripped(end_of_run() + push_bytes(bytes));
}

std::string Detokenizer::push_bytes(std::string_view bytes) {
  pending_ += bytes;
  std::string_view rest = pending_;
  std::string text;
  while (!rest.empty()) {
    const Utf8Step step = utf8_step(rest);
    if (step.kind == Utf8Kind::incomplete) break;
    text += step.kind == Utf8Kind::character ? rest.substr(0, step.length) : replacement_character;
    rest.remove_prefix(step.length);
  }
  pending_.erase(0, pending_.size() - rest.size());
  return text;
}

std::string Detokenizer::end_of_run() {
  std::string text;
  if (is_valid_utf8(run_)) {
    text = run_;
  } else {
    for (std::size_t i = 0; i < run_.size(); ++i) text += replacement_character;
  }
  run_.clear();
  return text;
}

std::string Detokenizer::stripped(std::string text) {
  if (spaces_to_strip_ == 0 || text.empty()) return text;
  std::size_t spaces = 0;
  while (spaces < text.size() && text[spaces] == ' ' && spaces < static_cast<std::size_t>(spaces_to_strip_)) ++spaces;
  spaces_to_strip_ = spaces == text.size() ? spaces_to_strip_ - static_cast<int>(spaces) : 0;
  return text.substr(spaces);
}

std::string Detokenizer::flush() {
  std::string text = end_of_run() + to_valid_utf8(pending_);
  pending_.clear();
  return stripped(std::move(text));
}

}  // namespace clawrl
