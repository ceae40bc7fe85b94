#include "prompt/tokenizer_stages.hpp"

#include <array>

namespace clawrl {
namespace {

/// GPT-2's own regex, which ByteLevel with use_regex stands for.
constexpr const char* gpt2_pattern = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

constexpr std::int64_t any_id = 0x7FFFFFFF;

SplitBehaviour read_behaviour(const JsonField& field) {
  static constexpr std::array<const char*, 5> names = {"Isolated", "Removed", "MergedWithPrevious", "MergedWithNext",
                                                       "Contiguous"};
  const std::string name = field.text();
  for (std::size_t i = 0; i < names.size(); ++i)
    if (name == names[i]) return static_cast<SplitBehaviour>(i);
  field.refuse("is '" + name + "'; it must be Isolated, Removed, MergedWithPrevious, MergedWithNext or Contiguous");
}

void read_split(const JsonField& split, TokenizerParts& parts) {
  const JsonField pattern = split.at("pattern");
  const bool literal = !pattern.has("Regex");
  if (literal && !pattern.has("String")) pattern.refuse("must have a Regex or a String");
  parts.splits.push_back({pattern.at(literal ? "String" : "Regex").text(), literal,
                          read_behaviour(split.at("behavior")), split.flag("invert", false)});
  if (parts.splits.back().pattern.empty()) pattern.refuse("is empty");
}

void put_front(const JsonField& field, TokenizerParts& parts, TextRules::Front front, const std::string& text) {
  const bool ruled = parts.text.front != TextRules::Front::none || !parts.text.prepend.empty();
  if (ruled) field.refuse("is a second rule about the beginning of a text");
  parts.text.front = front;
  parts.text.front_text = text;
}

void put_space(const JsonField& field, TokenizerParts& parts, const std::string& space) {
  if (space.empty()) field.refuse("replaces spaces by nothing, which is not supported");
  if (!parts.text.space.empty()) field.refuse("is a second rule about spaces");
  parts.text.space = space;
}

void read_metaspace(const JsonField& stage, TokenizerParts& parts) {
  if (!parts.splits.empty()) stage.refuse("(Metaspace) must be the first stage");
  const std::string mark = stage.at("replacement").text();
  put_space(stage, parts, mark);
  parts.text.space_late = true;
  std::string scheme = stage.flag("add_prefix_space", true) ? "always" : "never";  // as older files say it
  if (stage.has("prepend_scheme")) scheme = stage.at("prepend_scheme").text();
  if (scheme == "always")
    put_front(stage, parts, TextRules::Front::missing, mark);
  else if (scheme == "first")
    put_front(stage, parts, TextRules::Front::missing_at_zero, mark);
  else if (scheme != "never")
    stage.at("prepend_scheme").refuse("is '" + scheme + "'; it must be always, first or never");
  if (stage.flag("split", true)) parts.splits.push_back({mark, true, SplitBehaviour::merged_with_next, false});
}

void read_byte_level(const JsonField& stage, TokenizerParts& parts) {
  if (stage.flag("add_prefix_space", true)) {
    if (!parts.splits.empty()) stage.at("add_prefix_space").refuse("must be false behind other stages");
    put_front(stage, parts, TextRules::Front::missing, " ");
  }
  if (stage.flag("use_regex", true)) parts.splits.push_back({gpt2_pattern, false, SplitBehaviour::isolated, false});
}

void read_template(const JsonField& processor, TokenizerParts& parts) {
  bool before = true;
  for (const JsonField& piece : processor.at("single").items()) {
    if (piece.has("Sequence")) {
      before = false;
      continue;
    }
    const JsonField special = processor.at("special_tokens").at(piece.at("SpecialToken").at("id").text());
    for (const JsonField& id : special.at("ids").items())
      (before ? parts.prefix : parts.suffix).push_back(static_cast<TokenId>(id.integer(0, any_id)));
  }
}

void read_decoder_step(const JsonField& step, TokenizerParts& parts, bool& replaces) {
  const std::string type = step.type();
  if (type == "ByteFallback") {
    parts.decode.byte_tokens = true;
  } else if (type == "Replace") {
    if (step.at("pattern").at("String").text() != parts.text.space || step.at("content").text() != " ")
      step.refuse("must turn '" + parts.text.space + "' into a space");
    replaces = true;
  } else if (type == "Strip") {
    if (step.at("content").text() != " ") step.at("content").refuse("must be a space");
    step.at("stop").integer(0, 0);
    parts.decode.strip_front = static_cast<int>(step.at("start").integer(0, 64));
  } else if (type != "Fuse") {
    step.refuse("has type '" + type + "'; supported are Replace, ByteFallback, Fuse and Strip");
  }
}

}  // namespace

void read_normalizer(const JsonField& normalizer, TokenizerParts& parts) {
  if (normalizer.is_null()) return;
  const std::string type = normalizer.type();
  if (type == "Sequence") {
    for (const JsonField& inner : normalizer.at("normalizers").items()) read_normalizer(inner, parts);
  } else if (type == "NFC") {
    if (parts.text.changes_length()) normalizer.refuse("(NFC) must stand before Prepend and Replace");
    parts.text.nfc = true;
  } else if (type == "Prepend") {
    if (!parts.text.prepend.empty()) normalizer.refuse("is a second Prepend");
    parts.text.prepend = normalizer.at("prepend").text();
  } else if (type == "Replace") {
    const JsonField pattern = normalizer.at("pattern");
    if (!pattern.has("String") || pattern.at("String").text() != " ") pattern.refuse("must be the String ' '");
    put_space(normalizer, parts, normalizer.at("content").text());
  } else {
    normalizer.refuse("has type '" + type +
                      "'; supported are NFC, Prepend, Replace of ' ', a Sequence of them, or null");
  }
}

bool read_pretokenizer(const JsonField& stage, TokenizerParts& parts) {
  if (stage.is_null()) return false;
  const std::string type = stage.type();
  if (type == "Sequence") {
    bool byte_level = false;
    for (const JsonField& inner : stage.at("pretokenizers").items()) {
      if (byte_level) inner.refuse("stands after ByteLevel, which must be the last");
      byte_level = read_pretokenizer(inner, parts);
    }
    return byte_level;
  }
  if (type == "Split") {
    read_split(stage, parts);
  } else if (type == "Digits") {
    const bool each = stage.flag("individual_digits", false);
    parts.splits.push_back({each ? R"(\p{N})" : R"(\p{N}+)", false, SplitBehaviour::isolated, false});
  } else if (type == "Metaspace") {
    read_metaspace(stage, parts);
  } else if (type == "ByteLevel") {
    read_byte_level(stage, parts);
    return true;
  } else {
    stage.refuse("has type '" + type + "'; supported are Sequence, Split, Digits, Metaspace and ByteLevel");
  }
  return false;
}

void read_post_processor(const JsonField& processor, TokenizerParts& parts) {
  if (processor.is_null()) return;
  const std::string type = processor.type();
  if (type == "Sequence") {
    for (const JsonField& inner : processor.at("processors").items()) read_post_processor(inner, parts);
  } else if (type == "TemplateProcessing") {
    read_template(processor, parts);
  } else if (type != "ByteLevel") {  // ByteLevel only moves offsets
    processor.refuse("has type '" + type + "'; supported are Sequence, TemplateProcessing and ByteLevel");
  }
}

void read_decoder(const JsonField& decoder, bool byte_level, TokenizerParts& parts) {
  if (byte_level) {
    if (decoder.is_null() || decoder.type() != "ByteLevel") decoder.refuse("must be ByteLevel");
    return;
  }
  if (decoder.is_null() || decoder.type() != "Sequence")
    decoder.refuse("must be a Sequence of Replace, ByteFallback, Fuse and, if wanted, Strip");
  bool replaces = false;
  for (const JsonField& step : decoder.at("decoders").items()) read_decoder_step(step, parts, replaces);
  if (!parts.decode.byte_tokens) decoder.refuse("lacks ByteFallback");
  if (!replaces && !parts.text.space.empty()) decoder.refuse("lacks the Replace of '" + parts.text.space + "'");
}

}  // namespace clawrl
