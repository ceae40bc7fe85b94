#pragma once
// A small vocabulary with awkward tokens, and a policy that samples at random from masks until the reply ends.

#include <algorithm>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "grammar/constraint_grammar.hpp"
#include "grammar/constraint_masks.hpp"

namespace clawrl::test {

constexpr TokenId stop_token = 0;

/// Id 0 stops, then all bytes, then tokens that cross borders of the grammar and cut characters in two.
inline std::vector<std::pair<std::string, TokenId>> awkward_tokens() {
  std::vector<std::pair<std::string, TokenId>> tokens;
  const auto add = [&](const std::string& bytes) {
    tokens.emplace_back(bytes, static_cast<TokenId>(tokens.size()) + 1);
  };
  for (int byte = 0; byte < 256; ++byte) add(std::string(1, static_cast<char>(byte)));
  for (const char* text : {"\":\"",    "}}",       "\",\"",    "\": ",     "\":",
                           "{\"",      "\"}",      "}]",       "]}",       "],",
                           "},",       "[{",       "[[",       "]]",       ", \"",
                           ",\"",      "\"]",      "[]",       "{}",       "true",
                           "false",    "null",     "tru",      "e,",       "name",
                           "\"name",   "name\":",  "12",       "345",      "0.",
                           ".5",       "e+",       "-1",       "1e",       " \"",
                           "\n  ",     "\n    \"", "hello",    " world",   "\\\"",
                           "\\n",      "\\u",      "\\u00",    "\\ud83d",  "\\ude00",
                           "\xC3\xA9", "\xF0\x9F", "\x98\x80", "\xE2\x82", "\x80\x80",
                           "</",       "tool",     "<tool",    "_call>",   "\"arguments\":",
                           "}\n",      "\n</",     "\"\"",     "\"a\"",    "abc",
                           "b\":[",    "1,2",      "2]",       "a\",\"b"})
    add(text);
  return tokens;
}

/// `tags` become single tokens.
inline std::shared_ptr<const grammar::TokenTrie> awkward_trie(const std::vector<std::string>& tags = {}) {
  auto tokens = awkward_tokens();
  std::map<std::string, TokenId> ids;
  for (const auto& tag : tags) ids.emplace(tag, static_cast<TokenId>(tokens.size() + ids.size()) + 1);
  const auto vocabulary = static_cast<std::int64_t>(tokens.size() + ids.size()) + 5;  // some rows without a token
  return std::make_shared<const grammar::TokenTrie>(std::move(tokens), std::move(ids), vocabulary);
}

inline std::string text_of(const grammar::TokenTrie& trie, TokenId id) {
  for (const auto& [text, tag] : trie.tags())
    if (tag == id) return text;
  return std::string(trie.bytes_of(id));
}

inline std::vector<TokenId> ids_of(const IdRuns& runs) {
  std::vector<TokenId> ids;
  for (std::size_t i = 0; i < runs.size(); i += 2)
    for (TokenId id = runs[i]; id < runs[i + 1]; ++id) ids.push_back(id);
  return ids;
}

inline grammar::ConstraintMasks masks_for(const Constraint& constraint, std::shared_ptr<const grammar::TokenTrie> trie,
                                          const ReplyFormat& format = {},
                                          grammar::Thinking thinking = grammar::Thinking::none) {
  auto rules = grammar::constraint_grammar(constraint, format, thinking,
                                           [&](const std::string& tag) { return trie->tags().contains(tag); });
  return {std::move(rules), std::move(trie), {stop_token}};
}

inline Constraint schema_constraint(const std::string& schema) {
  return {Constraint::Kind::json_schema, schema, ""};
}

/// Uniform over the mask; after `patience` tokens what closes things is often taken first. nullopt = it never ended.
inline std::optional<std::string> random_reply(grammar::ConstraintMasks& masks, const grammar::TokenTrie& trie,
                                               std::mt19937& random, int patience = 40) {
  std::string reply;
  auto state = masks.start();
  for (int step = 0; step < patience + 20000; ++step) {
    const auto ids = ids_of(*masks.allowed(state));
    if (ids.empty()) return std::nullopt;
    TokenId chosen = ids[random() % ids.size()];
    if (step > patience && random() % 2 == 0) {
      for (const TokenId closing :
           {stop_token, TokenId{'"' + 1}, TokenId{'}' + 1}, TokenId{']' + 1}, TokenId{'0' + 1}}) {
        if (!std::binary_search(ids.begin(), ids.end(), closing)) continue;
        chosen = closing;
        break;
      }
    }
    if (chosen == stop_token) return reply;
    reply += text_of(trie, chosen);
    state = masks.step(state, chosen);
    if (state == grammar::Automaton::dead) return std::nullopt;
  }
  return std::nullopt;
}

/// Byte by byte, tags excepted.
inline bool fits(grammar::ConstraintMasks& masks, const std::string& text) {
  auto state = masks.start();
  for (const char byte : text) state = masks.step(state, static_cast<TokenId>(static_cast<unsigned char>(byte)) + 1);
  return state != grammar::Automaton::dead && masks.may_end(state);
}

}  // namespace clawrl::test
