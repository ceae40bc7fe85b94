// Keys, tokens and passwords. Every repeat is bounded or possessive, so that time grows linearly with the text.

#include "privacy/checks.hpp"
#include "privacy/rules.hpp"

namespace clawrl::privacy {
namespace {

#define NAME_START "(?<![A-Za-z0-9_-])"
#define NAME_END "(?![A-Za-z0-9_-])"

// By prefix: OpenAI, Anthropic, OpenRouter; Google; AWS; GitHub; GitLab; Slack; Stripe; and smaller providers.
const char* const prefixed_keys = NAME_START
    "(?:sk-[A-Za-z0-9_-]{20,256}"
    "|AIza[A-Za-z0-9_-]{35}"
    "|(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}"
    "|gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255}"
    "|gl(?:pat|ptt|rt|dt|cbt|soat|imt|agent|oas|ft)-[A-Za-z0-9_.-]{20,255}"
    "|xox[abeoprs]-[A-Za-z0-9-]{10,255}|xapp-[A-Za-z0-9-]{10,255}|xoxe\\.xox[bp]-[A-Za-z0-9-]{10,255}"
    "|(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{10,255}|whsec_[A-Za-z0-9+/]{24,255}"
    "|hf_[A-Za-z0-9]{30,60}|gsk_[A-Za-z0-9]{40,80}|xai-[A-Za-z0-9]{60,120}|pplx-[A-Za-z0-9]{40,80}"
    "|r8_[A-Za-z0-9]{30,60}|npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{50,255}|dckr_pat_[A-Za-z0-9_-]{20,60}"
    "|do[opr]_v1_[a-f0-9]{64}|dapi[a-f0-9]{32}(?:-\\d)?|SG\\.[A-Za-z0-9_-]{16,32}\\.[A-Za-z0-9_-]{32,64}"
    "|(?:AC|SK)[a-f0-9]{32}|key-[a-f0-9]{32}|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}|sq0(?:atp|csp)-[A-Za-z0-9_-]{22,60}"
    "|lin_api_[A-Za-z0-9]{32,64}|ntn_[A-Za-z0-9]{40,60}|secret_[A-Za-z0-9]{43}|PMAK-[a-f0-9]{24}-[a-f0-9]{34}"
    "|AGE-SECRET-KEY-1[A-Z0-9]{50,70}|GOCSPX-[A-Za-z0-9_-]{20,40}|hv[sb]\\.[A-Za-z0-9_-]{24,255}"
    "|tskey-[a-z]{2,12}-[A-Za-z0-9-]{16,80}|figd_[A-Za-z0-9_-]{36,60}|\\d{8,10}:AA[A-Za-z0-9_-]{33})" NAME_END;

const char* const slack_hook = "hooks\\.slack\\.com/(?<secret>(?:services|workflows|triggers)/[A-Za-z0-9/_-]{20,120})";

// Text inside JSON has its line ends as \n. A block without its last line ends where no key text follows.
const char* const key_block =
    "-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
    "(?:(?:[A-Za-z0-9+/=:,.\\s\\\\]++|-(?!----(?:BEGIN|END) ))*+"
    "-----END (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----|[A-Za-z0-9+/=\\s\\\\]*+)";

const char* const json_web_token =
    NAME_START "eyJ[A-Za-z0-9_-]{8,8192}\\.[A-Za-z0-9_-]{8,16384}(?:\\.[A-Za-z0-9_-]{0,8192}){1,3}";
const char* const google_oauth = NAME_START "ya29\\.[A-Za-z0-9_-]{20,2048}";

// What follows a telling name. ASSIGN: = : := => with quotes and blanks around; within JSON text \" is a quote too.
#define QUOTE "\\\\{0,3}[\"']"
#define ASSIGN "(?:" QUOTE ")?\\s{0,4}(?:=>|:=|[:=])\\s{0,4}"
#define UNQUOTED "[^\\s\"'`,;&<>(){}\\[\\]\\\\|]"
const char* const bearer = "(?i)(?<![a-z0-9])bearer[\\s:]{1,4}(?<secret>[a-z0-9._~+/-]{12,4096}={0,2})";
const char* const authorization = "(?i)authorization" ASSIGN "(?:" QUOTE
                                  ")?(?:basic|token|apikey|digest)\\s{1,4}"
                                  "(?<secret>[a-z0-9._~+/=-]{8,4096})";
const char* const header_key = "(?i)(?:x-api-key|api-key|x-auth-token|private-token|x-goog-api-key)" ASSIGN "(?:" QUOTE
                               ")?(?<secret>[a-z0-9._~+/=-]{12,4096})";
const char* const signed_url =
    "(?i)[?&](?:sig|x-amz-signature|x-goog-signature|access_token|api_key|apikey|key|token)="
    "(?<secret>[a-z0-9%._~+/-]{16,2048})";
const char* const url_password =
    "[A-Za-z][A-Za-z0-9+.-]{0,20}://[^\\s:/?#@\"'<>]{0,128}:(?<secret>[^\\s/?#@\"'<>]{3,256})@";

#define PASSWORD                                                         \
  "(?i)(?:password|passwd|passphrase|passwort|kennwort|contrase\xC3\xB1" \
  "a|(?<![a-z])(?:pwd|senha))"
const char* const quoted_password = PASSWORD ASSIGN QUOTE "(?<secret>[^\"'\\\\\\r\\n]{4,256})" QUOTE;
const char* const bare_password = PASSWORD ASSIGN "(?<secret>" UNQUOTED "{4,256})(?![(\\[])";
const char* const told_password =
    "(?i)(?:password|passphrase|passwort|kennwort) (?:is|ist|was|war|lautet|to):? {0,2}"
    "[\"'`]?(?<secret>[^\\s\"'`,;<>(){}\\[\\]]{4,128})";
const char* const told_pin = "(?i)(?<![a-z])my pin(?: code| number)? is:? {0,2}(?<secret>\\d{4,8})(?!\\d)";
const char* const environment =
    "(?m)^(?:export )?[A-Z][A-Z0-9_]{0,64}?(?:PASSWORD|PASSWD|PASSPHRASE|SECRET|API_?KEY|TOKEN)"
    "=(?<secret>" UNQUOTED "{4,512})$";

#define SECRET "(?i)(?:secret|api_?key|token|secret_?key|encryption_?key|account_?key|access_?key|access_?key_?id)"
const char* const quoted_secret = SECRET ASSIGN QUOTE "(?<secret>[^\"'\\\\\\s]{12,4096})" QUOTE;
const char* const bare_secret = SECRET ASSIGN "(?<secret>" UNQUOTED "{16,4096})(?![(\\[])";

const char* const password_words = "passw|passphrase|kennwort|contrase|pwd|senha";

}  // namespace

const std::vector<Rule>& secret_rules() {
  static const std::vector<Rule> rules{
      {"private_key", "private key", key_block},
      {"api_key", "", prefixed_keys, api_key},
      {"api_key", "hooks.slack.com", slack_hook},
      {"token", "eyj", json_web_token},
      {"token", "ya29.", google_oauth},
      {"token", "bearer", bearer, random_text},
      {"token", "authorization", authorization, random_text},
      {"api_key", "api-key|-token", header_key, random_text},
      {"token", "sig|token=|key=", signed_url, random_text},
      {"password", "://", url_password, password},
      {"password", password_words, quoted_password, password},
      {"password", password_words, bare_password, bare_password_value},
      {"password", password_words, told_password, bare_password_value},
      {"password", "my pin", told_pin},
      {"password", "passw|passphrase|secret|key|token", environment, password},
      {"api_key", "secret|key|token", quoted_secret, random_text},
      {"api_key", "secret|key|token", bare_secret, random_text},
  };
  return rules;
}

}  // namespace clawrl::privacy
