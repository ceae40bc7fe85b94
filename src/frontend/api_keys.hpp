#pragma once
// Who may ask: the API keys, their roles and what each allows. Secrets are kept as salted SHA-256 only.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/turn.hpp"
#include "frontend/routes.hpp"

namespace clawrl {

struct ApiKey {
  std::string id;  // letters, digits, '.', '_', '-'; what journal and logs name. Two secrets may share one (rotation)
  bool chat = false, feedback = false, admin = false;
  Learning learning = Learning::learn;  // the loosest that this key's requests may have
  int max_requests = 0;                 // under way at once; 0 = HttpSettings::max_requests_per_key

  bool may(Access access) const;
};

/// Immutable once the server runs, so any thread may ask.
class ApiKeys {
 public:
  /// Lines of "<id> <roles> sha256:<salt>:<hex of SHA-256(salt + key)> [learning=store] [requests=4]"; roles are chat,
  /// feedback, admin, joined by commas; '#' begins a comment. Throws UserError with file and line, also when others
  /// than the owner may read the file.
  void add_file(const std::string& path);
  void add(ApiKey key, std::string_view secret);  // one that is known in the clear, as from the environment

  bool empty() const { return entries_.empty(); }
  /// The entry of a secret or nullptr. Compares with every entry, in time that tells nothing about either.
  const ApiKey* find(std::string_view secret) const;

 private:
  using Digest = std::array<unsigned char, 32>;
  struct Entry {
    ApiKey key;
    std::string salt;
    Digest digest;
  };
  static Digest digest_of(const std::string& salt, std::string_view secret);
  static Entry entry_of(const std::string& line);
  std::vector<Entry> entries_;
};

inline Learning stricter(Learning a, Learning b) {
  return a > b ? a : b;
}

}  // namespace clawrl
