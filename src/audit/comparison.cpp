#include "audit/comparison.hpp"

#include <algorithm>
#include <boost/math/distributions/binomial.hpp>
#include <cmath>
#include <iomanip>
#include <map>
#include <set>
#include <sstream>

#include "core/error.hpp"

namespace clawrl {
namespace {

enum class Change { none, lost, gained };

Change change_of(const HeldOutCase& one, double before, double now) {
  if (!one.has_loss()) return before == now ? Change::none : now > before ? Change::gained : Change::lost;
  if (!std::isfinite(before)) return Change::none;
  if (!(now <= before + one.max_rise)) return Change::lost;  // also one that is no number
  return now < before - one.max_rise ? Change::gained : Change::none;
}

}  // namespace

double chance_of_loss(std::int64_t lost, std::int64_t gained) {
  if (lost == 0) return 1;
  const boost::math::binomial fair(static_cast<double>(lost + gained), 0.5);
  return boost::math::cdf(boost::math::complement(fair, static_cast<double>(lost - 1)));
}

std::vector<AuditRecord> compare(const std::vector<HeldOutCase>& cases, const Outcomes& reference,
                                 const Outcomes& outcomes, std::int64_t version, double margin) {
  expect(reference.size() == cases.size() && outcomes.size() == cases.size(), "an audit has one outcome per case");
  std::map<std::string, AuditRecord> sets;
  std::set<std::string> watched;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    AuditRecord& set = sets[cases[i].set];
    ++set.cases;
    if (cases[i].watched) watched.insert(cases[i].set);
    const Change change = change_of(cases[i], reference[i], outcomes[i]);
    set.lost += change == Change::lost;
    set.gained += change == Change::gained;
    set.passed += cases[i].has_loss() ? change != Change::lost : outcomes[i] > 0;
    if (cases[i].has_loss()) set.loss += outcomes[i];
  }
  std::vector<AuditRecord> records;
  for (auto& [name, set] : sets) {
    set.version = version;
    set.set = name;
    set.loss /= static_cast<double>(set.cases);
    const double fall = static_cast<double>(set.lost - set.gained) / static_cast<double>(set.cases);
    const bool failed = fall > margin && chance_of_loss(set.lost, set.gained) < chance_limit;
    set.result = watched.contains(name) ? "watched" : failed ? "failed" : "passed";
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
  std::ostringstream text;
  text << std::fixed << std::setprecision(2);
  for (const AuditRecord& one : sets) {
    const bool has_loss = one.loss != 0;
    text << (&one == &sets.front() ? "" : ", ") << one.set << " " << one.score() << " of " << one.cases;
    if (has_loss) text << ", loss " << std::setprecision(3) << one.loss << std::setprecision(2);
    if (one.result == "reference") continue;
    text << " (";
    if (!has_loss)
      text << "reference " << static_cast<double>(one.passed + one.lost - one.gained) / static_cast<double>(one.cases)
           << ", ";
    text << "lost " << one.lost << ", gained " << one.gained << ")" << (one.result == "failed" ? " FAILED" : "");
  }
  return text.str();
}

}  // namespace clawrl
