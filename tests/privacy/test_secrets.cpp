// Keys, tokens and passwords are found wherever people and programs write them; talk about them is left alone.

#include "privacy/redaction_cases.hpp"

using namespace clawrl;
using namespace clawrl::test;

TEST_CASE("keys of the common providers, by their prefix") {
  const Redactor redactor;
  const std::string keys[] = {fake("sk-", 48),
                              fake("sk-proj-", 60) + "_" + fake("", 40),
                              fake("sk-ant-api03-", 90) + "-AA",
                              hex("sk-or-v1-", 64),
                              fake("AIza", 35),
                              fake("AKIA", 16, "QZ7XW4VT6LNHCGBF2D"),
                              fake("ASIA", 16, "QZ7XW4VT6LNHCGBF2D"),
                              fake("ghp_", 36),
                              fake("gho_", 36),
                              fake("ghs_", 36),
                              fake("github_pat_", 22) + "_" + fake("", 59),
                              fake("glpat-", 20),
                              fake("xoxb-", 12, "0123456789") + "-" + fake("", 24),
                              fake("xapp-1-", 20),
                              fake("sk_live_", 24),
                              fake("rk_test_", 24),
                              fake("whsec_", 32),
                              fake("hf_", 34),
                              fake("gsk_", 52),
                              fake("npm_", 36),
                              fake("pypi-", 80),
                              hex("dop_v1_", 64),
                              fake("SG.", 22) + "." + fake("", 43),
                              hex("AC", 32),
                              fake("r8_", 37),
                              fake("GOCSPX-", 28),
                              fake("hvs.", 60),
                              "110201543:AA" + fake("", 33)};
  for (const std::string& key : keys) {
    INFO(key);
    CHECK(redacted(redactor, key) == "[redacted:api_key]");
    CHECK(redacted(redactor, "use " + key + ", please") == "use [redacted:api_key], please");
    CHECK(redacted(redactor, "{\"k\":\"" + key + "\"}") == "{\"k\":\"[redacted:api_key]\"}");
    CHECK(redacted(redactor, "X=" + key + "\nY=1") == "X=[redacted:api_key]\nY=1");
  }
}

TEST_CASE("keys and tokens by the name before them") {
  const std::string value = fake("", 40), aws = fake("", 38) + "/+";
  const std::string jwt = fake("eyJ", 30) + "." + fake("eyJ", 60) + "." + fake("", 43);
  check_cases(
      Redactor(),
      {
          {"aws_secret_access_key = " + aws, "aws_secret_access_key = [redacted:api_key]"},
          {"AWS_SECRET_ACCESS_KEY=" + aws, "AWS_SECRET_ACCESS_KEY=[redacted:api_key]"},
          {"{\"api_key\": \"" + value + "\"}", "{\"api_key\": \"[redacted:api_key]\"}"},
          {"clientSecret: '" + value + "'", "clientSecret: '[redacted:api_key]'"},
          {"{\\\"token\\\": \\\"" + value + "\\\"}", "{\\\"token\\\": \\\"[redacted:api_key]\\\"}"},
          {"x-api-key: " + value, "x-api-key: [redacted:api_key]"},
          {"AccountKey=" + value + "==;EndpointSuffix=core", "AccountKey=[redacted:api_key];EndpointSuffix=core"},
          {"Authorization: Bearer " + value, "Authorization: Bearer [redacted:token]"},
          {"-H 'authorization: bearer " + value + "'", "-H 'authorization: bearer [redacted:token]'"},
          {"Authorization: Basic " + value + "==", "Authorization: Basic [redacted:token]"},
          {"cookie " + jwt + "; path=/", "cookie [redacted:token]; path=/"},
          {"https://h/f?sig=" + value + "&x=1", "https://h/f?sig=[redacted:token]&x=1"},
          {"https://hooks.slack.com/services/T0AB/B0CD/" + value, "https://hooks.slack.com/[redacted:api_key]"},
          {fake("ya29.", 80), "[redacted:token]"},
      });
}

TEST_CASE("private key blocks, as files and inside JSON, whole or cut off") {
  const std::string lines = fake("", 64) + "\n" + fake("", 64) + "==\n";
  const auto block = [&](const std::string& kind, const std::string& body) {
    return "-----BEGIN " + kind + "-----\n" + body + "-----END " + kind + "-----";
  };
  std::string in_json = block("PRIVATE KEY", lines);
  for (std::size_t at; (at = in_json.find('\n')) != std::string::npos;) in_json.replace(at, 1, "\\n");
  check_cases(Redactor(), {
                              {"a\n" + block("RSA PRIVATE KEY", lines) + "\nb", "a\n[redacted:private_key]\nb"},
                              {block("OPENSSH PRIVATE KEY", lines), "[redacted:private_key]"},
                              {block("EC PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,AB\n\n" + lines),
                               "[redacted:private_key]"},
                              {block("PGP PRIVATE KEY BLOCK", lines), "[redacted:private_key]"},
                              {"{\"key\":\"" + in_json + "\"}", "{\"key\":\"[redacted:private_key]\"}"},
                              {"-----BEGIN PRIVATE KEY-----\n" + lines + "(cut)", "[redacted:private_key](cut)"},
                              {block("PUBLIC KEY", lines), block("PUBLIC KEY", lines)},
                          });
}

TEST_CASE("passwords in settings, code, addresses and sentences") {
  check_cases(Redactor(), {
                              {"password=hunter2", "password=[redacted:password]"},
                              {"DB_PASSWORD=correcthorse", "DB_PASSWORD=[redacted:password]"},
                              {"Server=h;Uid=app;Pwd=s3cr3t!x;", "Server=h;Uid=app;Pwd=[redacted:password];"},
                              {"passwd: \"tiger tiger 7\"", "passwd: \"[redacted:password]\""},
                              {"{\"password\":\"letmein\"}", "{\"password\":\"[redacted:password]\"}"},
                              {"'admin_password' => 'letmein',", "'admin_password' => '[redacted:password]',"},
                              {"postgres://app:s3cr3t@db:5432/x", "postgres://app:[redacted:password]@db:5432/x"},
                              {"redis://:longpassphrase@h", "redis://:[redacted:password]@h"},
                              {"my password is Tr0ub4dor&3.", "my password is [redacted:password]."},
                              {"Das Passwort lautet: sommer2024", "Das Passwort lautet: [redacted:password]"},
                              {"my PIN is 4821.", "my PIN is [redacted:password]."},
                          });
}

TEST_CASE("talk and code about secrets is left alone") {
  check_untouched(Redactor(), {
                                  "The password is required and must have 8 characters.",
                                  "password: str = Field(..., min_length=8)",
                                  "password = get_password(user)",
                                  "password = os.environ[\"DB_PASSWORD\"]",
                                  "password: process.env.DB_PASSWORD,",
                                  "if password == other: return None",
                                  "self.password = password",
                                  "{\"password\": {\"type\": \"string\", \"description\": \"the user's password\"}}",
                                  "<input type=\"password\" name=\"password\" placeholder=\"Password\">",
                                  "PASSWORD=${DB_PASSWORD}",
                                  "PASSWORD=<your password>",
                                  "password: \"********\"",
                                  "password=\"password\"",
                                  "postgres://user:password@localhost/db",
                                  "https://user:<token>@host/",
                                  "api_key = \"YOUR_API_KEY_HERE_123\"",
                                  "OPENAI_API_KEY=sk-...",
                                  "token = tokenizer.next_token(position)",
                                  "max_tokens: 4096, token_type: 'access_token_v2'",
                                  "Authorization: Bearer <token>",
                                  "Authorization: Bearer ${TOKEN}",
                                  "bearer authentication is described in RFC 6750",
                                  ".sk-cube-grid-wrapper-element { color: red }",
                                  "http://127.0.0.1:30000/v1 and http://[::1]:8080/a@b",
                                  "PWD=/home/me/work",
                                  "ghp_short and sk-tiny and AKIA",
                                  "eyJust.words.here",
                                  "-----BEGIN CERTIFICATE-----",
                                  "the token is 'function_name_2'",
                                  "commit 1830d51261b8419e04b24956965758bba84a4966",
                                  "d41d8cd98f00b204e9800998ecf8427e  empty.txt",
                                  "123e4567-e89b-12d3-a456-426614174000",
                              });
}
