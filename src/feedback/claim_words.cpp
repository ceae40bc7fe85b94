#include "feedback/claim_words.hpp"

#include <set>

namespace clawrl::claim_words {
namespace {

using Words = std::set<std::string>;

}  // namespace

bool greets(const std::string& word) {
  static const Words words = {"hey",  "hi",   "hello", "btw",    "by",    "the",           "way",   "fyi",  "update",
                              "good", "news", "sadly", "thanks", "thank", "unfortunately", "ok",    "okay", "well",
                              "so",   "and",  "but",   "also",   "oh",    "yes",           "great", "nice", "wow"};
  return words.contains(word);
}

bool asks(const std::string& word) {
  static const Words words = {"did",   "do",    "does",  "is",     "are",  "was", "were", "can",
                              "could", "would", "will",  "what",   "why",  "how", "when", "which",
                              "who",   "whose", "where", "should", "have", "has"};
  return words.contains(word);
}

bool demands(const std::string& word) {
  static const Words words = {"repeat",   "show",      "tell",    "give",     "send",      "translate", "rewrite",
                              "rephrase", "write",     "compare", "extend",   "summarize", "summarise", "explain",
                              "correct",  "change",    "make",    "let",      "list",      "find",      "check",
                              "use",      "add",       "create",  "generate", "convert",   "improve",   "continue",
                              "read",     "proofread", "edit",    "help",     "please",    "print",     "run",
                              "test",     "debug",     "draft",   "describe", "imagine",   "pretend",   "say",
                              "quote",    "analyze",   "analyse", "classify", "label",     "spell",     "remind"};
  return words.contains(word);
}

bool supposes(const std::string& word) {
  static const Words words = {"if",         "whether",    "would",   "wouldnt",   "could",     "couldnt",  "should",
                              "might",      "maybe",      "perhaps", "suppose",   "supposing", "assuming", "assume",
                              "unless",     "hope",       "hoping",  "hopefully", "wish",      "wonder",   "wondering",
                              "sure",       "unsure",     "doubt",   "will",      "wont",      "ill",      "gonna",
                              "try",        "trying",     "until",   "imagine",   "sorry",     "guess",    "probably",
                              "apparently", "supposedly", "expect",  "once",      "when",      "whenever", "unknown",
                              "pretend",    "yet",        "just",    "somebody",  "someone",   "almost"};
  return words.contains(word);
}

bool speaks(const std::string& word) {
  static const Words words = {"says", "said",  "say",    "wrote",   "writes", "claims",  "claimed",
                              "told", "tells", "thinks", "thought", "asked",  "reports", "complained"};
  return words.contains(word);
}

bool hands_text_over(const std::string& word) {
  static const Words words = {"translate", "rewrite",   "rephrase", "write",   "sentence", "text",  "review",
                              "summarize", "summarise", "correct",  "english", "begins",   "begin", "starts",
                              "quote",     "reads",     "message",  "comment", "phrase",   "line",  "paragraph",
                              "example",   "title",     "subject",  "email",   "note",     "tweet", "post",
                              "prompt",    "input",     "output",   "log"};
  return words.contains(word) || speaks(word);
}

bool advises(const std::string& word) {
  static const Words words = {
      "told",    "gave",     "suggested",  "recommended", "advised",   "wrote",    "drafted",  "planned",   "explained",
      "showed",  "proposed", "mentioned",  "sent",        "said",      "made",     "provided", "described", "taught",
      "offered", "listed",   "translated", "calculated",  "generated", "created",  "designed", "outlined",  "picked",
      "chose",   "built",    "given",      "written",     "found",     "composed", "sketched", "put"};
  return words.contains(word);
}

bool is_advice(const std::string& word) {
  static const Words words = {
      "tip",    "advice", "suggestion", "recommendation", "answer",    "reply",         "response",    "explanation",
      "idea",   "recipe", "fix",        "trick",          "method",    "solution",      "workaround",  "workout",
      "plan",   "regex",  "code",       "script",         "command",   "query",         "email",       "mail",
      "letter", "draft",  "text",       "translation",    "summary",   "list",          "instruction", "step",
      "guide",  "hint",   "approach",   "formula",        "snippet",   "function",      "itinerary",   "restaurant",
      "hotel",  "book",   "movie",      "film",           "exercise",  "stretch",       "routine",     "schedule",
      "essay",  "poem",   "outline",    "thing",          "stretches", "configuration", "config"};
  return words.contains(word);
}

bool says_nothing(const std::string& word) {
  static const Words words = {"tip",       "advice",      "suggestion", "suggest",     "recommendation", "recommend",
                              "answer",    "reply",       "idea",       "trick",       "thing",          "solution",
                              "problem",   "issue",       "fix",        "fixed",       "method",         "hint",
                              "approach",  "explanation", "work",       "works",       "worked",         "help",
                              "solv",      "solved",      "did",        "great",       "perfect",        "perfectly",
                              "right",     "wrong",       "correct",    "useless",     "useful",         "told",
                              "tell",      "gave",        "given",      "said",        "wrote",          "written",
                              "really",    "thank",       "everybody",  "everyone",    "never",          "nothing",
                              "spot",      "fine",        "charm",      "lov",         "loved",          "disaster",
                              "hit",       "wonderful",   "fantastic",  "excellent",   "delicious",      "amazing",
                              "brilliant", "awful",       "terrible",   "follow",      "followed",       "remember",
                              "update",    "news",        "sadly",      "hello",       "unfortunately",  "bad",
                              "worse",     "turn",        "turned",     "ago",         "earlier",        "time",
                              "day",       "week",        "month",      "hour",        "minute",         "morning",
                              "evening",   "night",       "afternoon",  "other",       "recently",       "while",
                              "perfekt",   "whole",       "finally",    "feel",        "hard",           "put",
                              "putting",   "away",        "plann",      "draft",       "drafted",        "mention",
                              "explain",   "propos",      "advis",      "instruction", "instructions",   "use",
                              "went",      "follow",      "gone",       "got",         "previous",       "best"};
  return words.contains(word);
}

bool turned_out_well(const std::string& word) {
  static const Words words = {"worked", "helped", "solved", "fixed", "resolved", "succeeded", "nailed"};
  return words.contains(word);
}

bool turned_out_badly(const std::string& word) {
  static const Words words = {"failed", "ruined", "broke", "worsened", "destroyed", "backfired", "crashed"};
  return words.contains(word);
}

bool praises(const std::string& word) {
  static const Words words = {"great",     "good",    "perfect", "excellent", "wonderful", "fantastic",   "amazing",
                              "delicious", "correct", "right",   "helpful",   "useful",    "brilliant",   "lovely",
                              "awesome",   "superb",  "tasty",   "accurate",  "effective", "outstanding", "terrific"};
  return words.contains(word);
}

bool blames(const std::string& word) {
  static const Words words = {"useless", "wrong",    "incorrect", "bad",       "terrible",
                              "awful",   "disaster", "mistake",   "worse",     "nonsense",
                              "harmful", "horrible", "false",     "unhelpful", "disappointing"};
  return words.contains(word);
}

bool negates(const std::string& word) {
  static const Words words = {"not",    "didnt", "never",  "doesnt", "wasnt",  "isnt",   "hasnt",
                              "havent", "dont",  "werent", "hardly", "barely", "without"};
  return words.contains(word);
}

}  // namespace clawrl::claim_words
