// Addresses that look like mail and are none, or belong to nobody.

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

#include "privacy/checks.hpp"

namespace clawrl::privacy {

std::size_t email(std::string_view found) {
  std::string address(found);
  for (char& c : address) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const auto encoded = address.find("%40");
  const auto at = address.find('@') != std::string::npos ? address.find('@') : encoded;
  const std::string local = address.substr(0, at);
  const std::string host = address.substr(at + (address[at] == '@' ? 1 : 3));
  const std::string last = host.substr(host.rfind('.') + 1);
  static constexpr std::array nobody{"git", "noreply", "no-reply", "donotreply", "do-not-reply"};
  static constexpr std::array reserved{"example", "test", "invalid", "localhost"};
  static constexpr std::array files{
      "png", "jpg", "jpeg", "gif",  "svg",  "webp", "ico",     "pdf",    "js",    "mjs",   "cjs",    "ts",    "tsx",
      "jsx", "css", "scss", "json", "html", "xml",  "yml",     "yaml",   "toml",  "lock",  "zip",    "tgz",   "gz",
      "cpp", "hpp", "py",   "sh",   "txt",  "md",   "service", "socket", "timer", "mount", "target", "slice", "latest"};
  const auto has = [](const auto& list, const std::string& word) {
    return std::find(list.begin(), list.end(), word) != list.end();
  };
  if (has(nobody, local) || has(reserved, last) || has(files, last)) return 0;
  if (host.starts_with("example.") || host.find(".example.") != std::string::npos) return 0;
  return host == "users.noreply.github.com" ? 0 : found.size();
}

}  // namespace clawrl::privacy
