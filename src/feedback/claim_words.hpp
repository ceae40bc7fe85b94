#pragma once
// The word lists behind find_claim(). Internal to feedback/.

#include <string>

namespace clawrl::claim_words {

bool greets(const std::string& word);            // may stand before a sentence's first real word
bool asks(const std::string& word);              // begins a question
bool demands(const std::string& word);           // begins a request
bool supposes(const std::string& word);          // what follows or surrounds it is no fact
bool speaks(const std::string& word);            // says, wrote, told: somebody's words follow
bool hands_text_over(const std::string& word);   // before a colon: what follows is material, not the user's own words
bool advises(const std::string& word);           // "you ... me": told, gave, suggested
bool is_advice(const std::string& word);         // stem of a noun for what an assistant gives
bool says_nothing(const std::string& word);      // stem that tells no topic, besides function words
bool turned_out_well(const std::string& word);   // verb: worked, solved
bool turned_out_badly(const std::string& word);  // verb: ruined, failed
bool praises(const std::string& word);           // adjective after was, is, turned out
bool blames(const std::string& word);
bool negates(const std::string& word);

}  // namespace clawrl::claim_words
