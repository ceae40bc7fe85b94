// Personal data with a form of its own. What has a checksum is taken by it; telephone numbers by their country's form
// or by a word before them.

#include "privacy/checks.hpp"
#include "privacy/rules.hpp"

namespace clawrl::privacy {
namespace {

// Latin letters with accents are two bytes; other scripts may stand beside an address without a blank.
#define ACCENTED "[\xC3-\xC9][\x80-\xBF]"
#define MAIL_LETTER "(?:[A-Za-z0-9_.%+'-]|" ACCENTED ")"
#define HOST_LETTER "(?:[A-Za-z0-9-]|" ACCENTED ")"
#define MAIL(at)                                                                                                  \
  "(?<![A-Za-z0-9_.%+-])(?<!" ACCENTED ")(?:[A-Za-z0-9_]|" ACCENTED ")" MAIL_LETTER "{0,63}" at "(?:" HOST_LETTER \
  "{1,63}\\.){1,6}[A-Za-z]{2,24}(?![A-Za-z0-9])"

const char* const iban_form = "(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}(?:[ -]?[A-Za-z0-9]){11,30}";
const char* const card_form = "(?<![A-Za-z0-9_.,$%#/+-])[2-6](?:[ -]?[0-9]){12,22}(?![A-Za-z0-9_])";

const char* const social_security =
    "(?i)(?<![a-z])(?:ssn|social security)(?: number| no\\.?)?[^0-9\\r\\n]{0,16}"
    "(?<secret>[0-9]{3}[- ]?[0-9]{2}[- ]?[0-9]{4})(?![0-9])";
const char* const cpf_form = "(?<![0-9.])[0-9]{3}\\.[0-9]{3}\\.[0-9]{3}-[0-9]{2}(?![0-9])";
const char* const codice_fiscale_form =
    "(?<![A-Za-z0-9])[A-Z]{6}[0-9L-NP-V]{2}[A-EHLMPRST][0-9L-NP-V]{2}[A-Z][0-9L-NP-V]{3}[A-Z](?![A-Za-z0-9])";
const char* const resident_id_form = "(?<![A-Za-z0-9.])[1-9][0-9]{5}(?:19|20)[0-9]{9}[0-9Xx](?![A-Za-z0-9])";

#define NUMBER_START "(?<![A-Za-z0-9_+=/.*,#-])"
#define NUMBER_END "(?![A-Za-z0-9_])(?![.,-][0-9])"
const char* const international =
    NUMBER_START "(?<![0-9] )(?:\\+|00(?=[1-9]))[(]?[1-9](?:[ ./()-]{0,2}[0-9]){7,14}" NUMBER_END;
const char* const north_american = NUMBER_START
    "(?:1[ .-])?(?:\\([2-9][0-9]{2}\\) ?[2-9][0-9]{2}[ .-]|[2-9][0-9]{2}-[2-9][0-9]{2}-|"
    "[2-9][0-9]{2}\\.[2-9][0-9]{2}\\.)[0-9]{4}" NUMBER_END;
// United Kingdom; France; Germany: mobile, then landline with a slash.
const char* const european = NUMBER_START
    "(?:0(?:7[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{3}|20[ -][0-9]{4}[ -]?[0-9]{4}|1[0-9]{3}[ -][0-9]{3}[ -]?[0-9]{3}"
    "|1[0-9]{2}[ -][0-9]{3}[ -][0-9]{4})"
    "|0[1-9](?:[ .][0-9]{2}){4}"
    "|01[567][0-9]{1,2}[ /-]?[0-9]{3,4}[ -]?[0-9]{3,5}|0[2-9][0-9]{1,4} ?/ ?[0-9]{5,8})" NUMBER_END;
const char* const named_number =
    "(?i)(?<![a-z])(?:tel|phone|telephone|telefon|t\xC3\xA9l\xC3\xA9phone|mobile|mobil|handy|cell|whatsapp|fax|"
    "tel\xC3\xA9"
    "fono|m\xC3\xB3vil|call me (?:at|on))(?:[ _]?(?:number|no|nr|nummer))?[.]?\\\\{0,3}[\"']?\\s{0,3}[:=]?"
    "\\s{0,3}(?:is |ist )?\\\\{0,3}[\"']?(?<secret>[+(]?[0-9][0-9 ()./-]{5,22}[0-9])(?![A-Za-z0-9_])";
const char* const phone_words = "tel|t\xC3\xA9l|phone|mobil|m\xC3\xB3vil|handy|cell|whatsapp|fax|call me";

const char* const address_form = "(?<![A-Za-z0-9_.-])[0-9]{1,3}(?:\\.[0-9]{1,3}){3}(?![A-Za-z0-9_-])(?!\\.[0-9])";

}  // namespace

const std::vector<Rule>& personal_rules() {
  static const std::vector<Rule> rules{
      {"email", "@", MAIL("@"), email},
      {"email", "%40", MAIL("%40"), email},
      {"iban", "", iban_form, iban},
      {"national_id", "ssn|social security", social_security, social_security_number},
      {"national_id", "", cpf_form, cpf},
      {"national_id", "", codice_fiscale_form, codice_fiscale},
      {"national_id", "", resident_id_form, resident_id},
      {"card", "", card_form, card},
      {"phone", "+|00", international, international_phone},
      {"phone", "", north_american},
      {"phone", "", european},
      {"phone", phone_words, named_number, local_phone},
      {"ip", "", address_form, public_address},
  };
  return rules;
}

}  // namespace clawrl::privacy
