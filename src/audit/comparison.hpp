#pragma once
// Has a version lost something that its reference could do?

#include <cstdint>
#include <string>
#include <vector>

#include "audit/held_out.hpp"
#include "journal/records.hpp"

namespace clawrl {

/// Case by case, in the order of the cases: 1 for a reply that passed, else 0; of a text its loss in nats per token
/// (NaN: could not be computed).
using Outcomes = std::vector<double>;

/// Probability that chance alone, each changed case being as likely gained as lost, loses so many or more (the sign
/// test on paired cases). 1 when nothing was lost.
double chance_of_loss(std::int64_t lost, std::int64_t gained);
inline constexpr double chance_limit = 0.01;    // a loss that is less likely by chance is one
inline constexpr std::int64_t least_cases = 7;  // fewer cannot show such a loss, even when all are lost

/// One record per set, by name. `failed`: the share of passed cases fell by more than `margin`, and chance explains
/// that with less than chance_limit. `watched`: whatever it lost.
std::vector<AuditRecord> compare(const std::vector<HeldOutCase>& cases, const Outcomes& reference,
                                 const Outcomes& outcomes, std::int64_t version, double margin);
/// Of the reference itself.
std::vector<AuditRecord> as_reference(const std::vector<HeldOutCase>& cases, const Outcomes& outcomes,
                                      std::int64_t version);

bool any_failed(const std::vector<AuditRecord>& sets);

/// "accuracy 0.42 of 50 (reference 0.94, lost 27, gained 1) FAILED, hints ..."
std::string to_text(const std::vector<AuditRecord>& sets);

}  // namespace clawrl
