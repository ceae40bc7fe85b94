#include "audit/comparison.hpp"

#include <algorithm>
#include <boost/math/distributions/binomial.hpp>
#include <cstdio>
#include <map>

#include "core/error.hpp"

namespace clawrl {

double chance_of_loss(std::int64_t lost, std::int64_t gained) {
  if (lost == 0) return 1;
  const boost::math::binomial fair(static_cast<double>(lost + gained), 0.5);
  return boost::math::cdf(boost::math::complement(fair, static_cast<double>(lost - 1)));
}

std::vector<AuditRecord> compare(const std::vector<HeldOutCase>& cases, const Outcomes& reference,
                                 const Outcomes& outcomes, std::int64_t version, double margin) {
  expect(reference.size() == cases.size() && outcomes.size() == cases.size(), "an audit has one outcome per case");
  std::map<std::string, AuditRecord> sets;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    AuditRecord& set = sets[cases[i].set];
    ++set.cases;
    set.passed += outcomes[i];
    set.lost += reference[i] && !outcomes[i];
    set.gained += !reference[i] && outcomes[i];
  }
  std::vector<AuditRecord> records;
  for (auto& [name, set] : sets) {
    set.version = version;
    set.set = name;
    const double fall = static_cast<double>(set.lost - set.gained) / static_cast<double>(set.cases);
    const bool failed = fall > margin && chance_of_loss(set.lost, set.gained) < chance_limit;
    set.result = failed ? "failed" : "passed";
    records.push_back(std::move(set));
  }
  return records;
}

std::vector<AuditRecord> as_reference(const std::vector<HeldOutCase>& cases, const Outcomes& outcomes,
                                      std::int64_t version) {
  std::vector<AuditRecord> records = compare(cases, outcomes, outcomes, version, 1);
  for (AuditRecord& one : records) one.result = "reference";
  return records;
}

bool any_failed(const std::vector<AuditRecord>& sets) {
  return std::any_of(sets.begin(), sets.end(), [](const AuditRecord& one) { return one.result == "failed"; });
}

std::string to_text(const std::vector<AuditRecord>& sets) {
  std::string text;
  for (const AuditRecord& one : sets) {
    char line[200];
    int length = std::snprintf(line, sizeof line, "%s%s %.2f of %lld", text.empty() ? "" : ", ", one.set.c_str(),
                               one.score(), static_cast<long long>(one.cases));
    text.append(line, static_cast<std::size_t>(length));
    if (one.result == "reference") continue;
    const auto reference = static_cast<double>(one.passed + one.lost - one.gained) / static_cast<double>(one.cases);
    length = std::snprintf(line, sizeof line, " (reference %.2f, lost %lld, gained %lld)%s", reference,
                           static_cast<long long>(one.lost), static_cast<long long>(one.gained),
                           one.result == "failed" ? " FAILED" : "");
    text.append(line, static_cast<std::size_t>(length));
  }
  return text;
}

}  // namespace clawrl
