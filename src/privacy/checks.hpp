#pragma once
// What a regex cannot see: checksums, lengths by country, placeholders. Internal to privacy/; each is a Check.

#include <cstddef>
#include <string_view>

namespace clawrl::privacy {

std::size_t api_key(std::string_view found);              // sk-...: words with dashes are none
std::size_t random_text(std::string_view found);          // a digit, and neither a placeholder nor a name in code
std::size_t password(std::string_view found);             // between quotes or in an address: all but placeholders
std::size_t bare_password_value(std::string_view found);  // without quotes: not a word and not an expression

std::size_t email(
    std::string_view found);  // not of reserved or technical addresses: git@host, a@example.com, icon@2x.png
std::size_t iban(std::string_view found);  // length of its country, modulo 97
std::size_t card(std::string_view found);  // issuer, length, groups and Luhn
std::size_t social_security_number(std::string_view found);
std::size_t cpf(std::string_view found);             // Brazil: two check digits
std::size_t codice_fiscale(std::string_view found);  // Italy: check letter
std::size_t resident_id(std::string_view found);     // China: date of birth and check digit
std::size_t international_phone(std::string_view found);
std::size_t local_phone(std::string_view found);
std::size_t public_address(std::string_view found);  // IPv4 that is not private, local, multicast or documentation

}  // namespace clawrl::privacy
