#pragma once
// Does a reply have what a held-out case asks for?

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "audit/held_out.hpp"

namespace clawrl::privacy {
class Pattern;
}

namespace clawrl {

/// The compiled rules of one case. Thread-safe.
class ReplyRules {
 public:
  /// UserError "<where>: ..." when a regex does not compile.
  explicit ReplyRules(const HeldOutCase& one, const std::string& where = "");
  ~ReplyRules();
  ReplyRules(ReplyRules&&) noexcept;

  /// A regex that needs too many steps on this reply counts against it.
  bool pass(std::string_view reply) const;

 private:
  std::vector<privacy::Pattern> must_, must_not_;
  std::int32_t min_words_, max_words_;
};

}  // namespace clawrl
