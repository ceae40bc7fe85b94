#pragma once
// What the redactor looks for without being told. Internal to privacy/.

#include <cstddef>
#include <string_view>
#include <vector>

namespace clawrl::privacy {

/// Says how much of what a regex found is really a hit: so many bytes from its beginning; 0 = none of it.
using Check = std::size_t (*)(std::string_view found);

struct Rule {
  const char* category;  // goes into the replacement: "[redacted:email]"
  const char* needs;     // "a|b": a text in lower case without a and b has no hit; "" = every text is searched
  const char* regex;     // bytes; its time must grow linearly with the text
  Check check = nullptr;
};

const std::vector<Rule>& secret_rules();    // private_key, api_key, token, password; in the order of their use
const std::vector<Rule>& personal_rules();  // email, iban, card, national_id, phone, ip

}  // namespace clawrl::privacy
