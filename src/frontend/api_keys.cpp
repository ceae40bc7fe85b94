#include "frontend/api_keys.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <sstream>

#include "core/error.hpp"

namespace clawrl {
namespace {

constexpr const char* kLineForm = "a line is '<id> <roles> sha256:<salt>:<64 hexadecimal digits>'";
constexpr std::size_t kLongestId = 64;

bool is_id(const std::string& id) {
  const auto fine = [](unsigned char c) { return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-'; };
  return !id.empty() && id.size() <= kLongestId && std::all_of(id.begin(), id.end(), fine);
}

void read_roles(const std::string& list, ApiKey& key) {
  std::istringstream roles(list);
  for (std::string role; std::getline(roles, role, ',');) {
    require(role == "chat" || role == "feedback" || role == "admin",
            "role '" + role + "' is unknown: allowed are chat, feedback, admin, joined by commas");
    (role == "chat" ? key.chat : role == "feedback" ? key.feedback : key.admin) = true;
  }
}

void read_option(const std::string& option, ApiKey& key) {
  const std::string value = option.substr(std::min(option.find('=') + 1, option.size()));
  if (option.starts_with("learning=")) {
    require(value == "learn" || value == "store" || value == "off", "learning= is learn, store or off");
    key.learning = value == "learn" ? Learning::learn : value == "store" ? Learning::store : Learning::off;
  } else if (option.starts_with("requests=")) {
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), key.max_requests);
    require(error == std::errc() && end == value.data() + value.size() && key.max_requests >= 1,
            "requests= is a whole number from 1");
  } else {
    throw UserError("'" + option.substr(0, 40) + "' is unknown: allowed after the hash are learning= and requests=");
  }
}

void require_private(const std::string& path) {
  struct stat status {};
  require(::stat(path.c_str(), &status) == 0, path + ": " + std::strerror(errno));
  require((status.st_mode & (S_IRWXG | S_IRWXO)) == 0,
          path + ": others than its owner may read or write it; take that away with chmod 600");
}

}  // namespace

bool ApiKey::may(Access access) const {
  switch (access) {
    case Access::chat:
      return chat;
    case Access::feedback:
      return feedback;
    case Access::own_data:
      return chat || admin;
    case Access::admin:
      return admin;
    case Access::open:
      break;
  }
  return true;
}

ApiKeys::Digest ApiKeys::digest_of(const std::string& salt, std::string_view secret) {
  std::string text = salt + std::string(secret);
  Digest digest;
  unsigned size = 0;
  const int fine = EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
  OPENSSL_cleanse(text.data(), text.size());
  expect(fine == 1 && size == digest.size(), "api keys: OpenSSL has no SHA-256");
  return digest;
}

ApiKeys::Entry ApiKeys::entry_of(const std::string& line) {
  std::istringstream fields(line);
  std::string id, roles, hash;
  require(static_cast<bool>(fields >> id >> roles >> hash), kLineForm);
  require(is_id(id), "the id has letters, digits, '.', '_' and '-' only, at most 64");
  Entry entry;
  entry.key.id = id;
  read_roles(roles, entry.key);
  const auto colon = hash.rfind(':');
  require(hash.starts_with("sha256:") && colon > 6, kLineForm);
  entry.salt = hash.substr(7, colon - 7);
  const std::string hex = hash.substr(colon + 1);
  require(hex.size() == 2 * entry.digest.size(), kLineForm);
  for (std::size_t i = 0; i < entry.digest.size(); ++i) {
    const char* pair = hex.data() + 2 * i;
    require(std::from_chars(pair, pair + 2, entry.digest[i], 16).ptr == pair + 2, kLineForm);
  }
  for (std::string option; fields >> option;) read_option(option, entry.key);
  return entry;
}

void ApiKeys::add_file(const std::string& path) {
  require_private(path);
  std::ifstream file(path);
  require(file.good(), path + ": cannot be read");
  const std::size_t before = entries_.size();
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    line.resize(std::min(line.find('#'), line.size()));
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    try {
      entries_.push_back(entry_of(line));
    } catch (const UserError& problem) {
      throw UserError(path + ": line " + std::to_string(number) + ": " + problem.what());
    }
  }
  require(entries_.size() > before, path + ": holds no key");
}

void ApiKeys::add(ApiKey key, std::string_view secret) {
  require(!secret.empty(), "API key '" + key.id + "' is empty");
  Entry entry{std::move(key), std::string(16, '\0'), {}};
  expect(RAND_bytes(reinterpret_cast<unsigned char*>(entry.salt.data()), static_cast<int>(entry.salt.size())) == 1,
         "api keys: OpenSSL has no random numbers");
  entry.digest = digest_of(entry.salt, secret);
  entries_.push_back(std::move(entry));
}

const ApiKey* ApiKeys::find(std::string_view secret) const {
  std::size_t found = 0;  // 1 + index, without a branch on the comparison
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const Digest digest = digest_of(entries_[i].salt, secret);
    const auto same = static_cast<std::size_t>(CRYPTO_memcmp(digest.data(), entries_[i].digest.data(), 32) == 0);
    const std::size_t mask = 0 - same;
    found = (mask & (i + 1)) | (~mask & found);
  }
  return found == 0 ? nullptr : &entries_[found - 1].key;
}

}  // namespace clawrl
