// Personal data with a form of its own; numbers that only look like it are left alone.

#include "privacy/redaction_cases.hpp"

using namespace clawrl;
using namespace clawrl::test;

TEST_CASE("e-mail addresses") {
  check_cases(Redactor(), {
                              {"write to mia.stone+news@post.uni-x.de!", "write to [redacted:email]!"},
                              {"<mia@stone.org>;tom_2@x.co.uk", "<[redacted:email]>;[redacted:email]"},
                              {"{\"to\":\"mia@stone.org\"}", "{\"to\":\"[redacted:email]\"}"},
                              {"m\xC3\xBCller@b\xC3\xBC"
                               "cher.de",
                               "[redacted:email]"},
                              {"\xE9\x82\xAE\xE7\xAE\xB1mia@stone.org\xE3\x80\x82",
                               "\xE9\x82\xAE\xE7\xAE\xB1[redacted:email]\xE3\x80\x82"},
                              {"mailto:mia%40stone.org", "mailto:[redacted:email]"},
                              {"mia@stone.org.", "[redacted:email]."},
                          });
  check_untouched(Redactor(), {
                                  "git@github.com:openclaw/openclaw.git",
                                  "user@example.com, a@mail.example.org, b@host.test",
                                  "npm i lodash@4.17.21 @types/node@20",
                                  "icon@2x.png getty@tty1.service",
                                  "@app.route('/') def f(): pass",
                                  "Co-authored-by: x <123+x@users.noreply.github.com>",
                                  "noreply@stone.org",
                                  "a @ b.c and x@y",
                                  "see @mia.stone on the net",
                              });
}

TEST_CASE("bank accounts by length and checksum") {
  check_cases(Redactor(), {
                              {"IBAN DE89 3704 0044 0532 0130 00 please", "IBAN [redacted:iban] please"},
                              {"GB29NWBK60161331926819", "[redacted:iban]"},
                              {"fr14 2004 1010 0505 0001 3M02 606.", "[redacted:iban]."},
                              {"NL91-ABNA-0417-1643-00", "[redacted:iban]"},
                          });
  check_untouched(Redactor(), {"DE89 3704 0044 0532 0130 01", "DE8937040044053201300", "AB12 this is no account at all",
                               "XX00000000000000000000"});
}

TEST_CASE("cards by issuer, length, groups and Luhn") {
  check_cases(Redactor(), {
                              {"card 4111 1111 1111 1111 exp 12/29", "card [redacted:card] exp 12/29"},
                              {"5555555555554444", "[redacted:card]"},
                              {"3782-822463-10005", "[redacted:card]"},
                              {"6011111111111117,123", "[redacted:card],123"},
                              {"4111 1111 1111 1111 123", "[redacted:card] 123"},
                          });
  check_untouched(Redactor(), {"4111 1111 1111 1112", "1764354702123456", "1764354702123456789", "0.4111111111111111",
                               "0x4111111111111111", "41 11 11 11 11 11 11 11", "[4000, 2000, 3000, 5000, 4444]",
                               "id=4111111111111111000000001"});
}

TEST_CASE("telephone numbers") {
  check_cases(Redactor(), {
                              {"call +49 170 1234567 now", "call [redacted:phone] now"},
                              {"+14155552671", "[redacted:phone]"},
                              {"+44 (0)20 7946 0958", "[redacted:phone]"},
                              {"+33 1 23 45 67 89.", "[redacted:phone]."},
                              {"0049 170 1234567", "[redacted:phone]"},
                              {"(415) 555-2671 or 415-555-2671", "[redacted:phone] or [redacted:phone]"},
                              {"212.555.2671", "[redacted:phone]"},
                              {"07911 123456, 020 7946 0958", "[redacted:phone], [redacted:phone]"},
                              {"06 12 34 56 78", "[redacted:phone]"},
                              {"0171/1234567 und 030/1234567", "[redacted:phone] und [redacted:phone]"},
                              {"Tel.: 030 1234567", "Tel.: [redacted:phone]"},
                              {"{\"phone\": \"5552671234\"}", "{\"phone\": \"[redacted:phone]\"}"},
                              {"call me at 5552671234", "call me at [redacted:phone]"},
                          });
  check_untouched(Redactor(), {
                                  "1 + 2345678 = 2345679",
                                  "x = +3.14159265358;",
                                  "+20230101",
                                  "diff: +1234567890123,",
                                  "123-456-7890 555-01-2671",
                                  "version 212.555.26710",
                                  "2026-11-28 18:31:42.123456",
                                  "1764354702 4155552671",
                                  "0123456789",
                                  "192.168.100.200",
                                  "200 300 4000, 17 - 18 - 19",
                                  "ISBN 978-3-16-148410-0",
                                  "the cell is 3.1415926 wide",
                                  "550e8400-e29b-41d4-a716-446655440000",
                                  "12,000 tokens and 1,000,000 rows",
                              });
}

TEST_CASE("national ids where they can be told from other numbers") {
  check_cases(Redactor(), {
                              {"my SSN is 219-09-9999", "my SSN is [redacted:national_id]"},
                              {"Social Security number: 219 09 9999", "Social Security number: [redacted:national_id]"},
                              {"CPF 529.982.247-25", "CPF [redacted:national_id]"},
                              {"CF RSSMRA85T10A562S", "CF [redacted:national_id]"},
                              {"11010519491231002X", "[redacted:national_id]"},
                          });
  check_untouched(Redactor(),
                  {"part 219-09-9999", "SSN 000-12-3456", "529.982.247-26", "RSSMRA85T10A562T", "110105194912310021"});
}

TEST_CASE("addresses of the net only when asked for, and only public ones") {
  check_untouched(Redactor(), {"8.8.8.8"});
  RedactionSettings settings;
  settings.categories = {"ip"};
  check_cases(Redactor(settings), {{"from 8.8.8.8:53", "from [redacted:ip]:53"}, {"5.6.7.8.", "[redacted:ip]."}});
  check_untouched(Redactor(settings), {"127.0.0.1 10.1.2.3 192.168.0.1 172.16.0.1 169.254.1.1", "v1.2.3.4", "999.1.1.1",
                                       "0.0.0.0", "1.2.3.4.5", "203.0.113.9"});
}
