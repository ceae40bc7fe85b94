// When a version has lost something: by more than the margin, and not by chance.

#include "audit/comparison.hpp"

#include <limits>
#include <random>

#include "core/error.hpp"
#include "support/catch.hpp"

using namespace clawrl;

namespace {

std::vector<HeldOutCase> cases(std::size_t accuracy, std::size_t hints = 0) {
  std::vector<HeldOutCase> all(accuracy + hints);
  for (std::size_t i = 0; i < all.size(); ++i) all[i].set = i < accuracy ? "accuracy" : "hints";
  return all;
}

/// Of `count` cases the first `passed` ones.
Outcomes first(std::size_t count, std::size_t passed) {
  Outcomes outcomes(count, 0);
  for (std::size_t i = 0; i < passed; ++i) outcomes[i] = 1;
  return outcomes;
}

}  // namespace

TEST_CASE("chance: the sign test's tail") {
  CHECK(chance_of_loss(0, 0) == 1);
  CHECK(chance_of_loss(0, 9) == 1);
  CHECK(chance_of_loss(1, 0) == Approx(0.5));
  CHECK(chance_of_loss(2, 2) == Approx(11.0 / 16));
  CHECK(chance_of_loss(7, 0) == Approx(1.0 / 128));
  CHECK(chance_of_loss(8, 2) == Approx(56.0 / 1024));
  CHECK(chance_of_loss(least_cases, 0) < chance_limit);
  CHECK(chance_of_loss(least_cases - 1, 0) >= chance_limit);
  CHECK(chance_of_loss(5000, 0) == Approx(0).margin(1e-12));
}

TEST_CASE("each set is judged by itself, against the same cases of the reference") {
  const auto all = cases(50, 20);
  Outcomes reference(70, 1), outcomes(70, 1);
  for (std::size_t i = 0; i < 12; ++i) outcomes[i] = 0;
  reference[60] = 0;
  const auto sets = compare(all, reference, outcomes, 8, 0.1);
  REQUIRE(sets.size() == 2);
  CHECK(sets[0].set == "accuracy");
  CHECK(sets[0].version == 8);
  CHECK(sets[0].lost == 12);
  CHECK(sets[0].gained == 0);
  CHECK(sets[0].result == "failed");
  CHECK(sets[1].passed == 20);
  CHECK(sets[1].gained == 1);
  CHECK(sets[1].result == "passed");
  CHECK(any_failed(sets));
  CHECK(to_text(sets) ==
        "accuracy 0.76 of 50 (reference 1.00, lost 12, gained 0) FAILED, hints 1.00 of 20 (reference 0.95, lost 0, "
        "gained 1)");
  const auto base = as_reference(all, reference, 0);
  CHECK(base[1].result == "reference");
  CHECK(base[1].passed == 19);
  CHECK(to_text(base) == "accuracy 1.00 of 50, hints 0.95 of 20");
  CHECK_THROWS_AS(compare(all, reference, first(69, 3), 8, 0.1), InternalError);
}

TEST_CASE("a set that is watched fails nothing, and its loss is told all the same") {
  auto all = cases(50, 20);
  for (HeldOutCase& one : all) one.watched = one.set == "accuracy";
  Outcomes reference(70, 1), outcomes(70, 1);
  for (std::size_t i = 0; i < 30; ++i) outcomes[i] = 0;
  const auto sets = compare(all, reference, outcomes, 8, 0.1);
  CHECK(sets[0].result == "watched");
  CHECK(sets[0].lost == 30);
  CHECK_FALSE(any_failed(sets));
  CHECK(to_text(sets).find("accuracy 0.40 of 50 (reference 1.00, lost 30, gained 0), hints") == 0);
}

TEST_CASE("a loss within the margin, or one that chance explains, does not fail a version") {
  const auto result = [](std::size_t count, std::size_t before, std::size_t after, double margin) {
    return compare(cases(count), first(count, before), first(count, after), 1, margin)[0].result;
  };
  CHECK(result(50, 50, 50, 0) == "passed");
  CHECK(result(50, 50, 44, 0.1) == "passed");      // 0.12 of the cases, but 6 of 6 by chance: 0.016
  CHECK(result(50, 50, 43, 0.1) == "failed");      // 7 of 7: 0.008
  CHECK(result(50, 50, 43, 0.2) == "passed");      // within the margin
  CHECK(result(1000, 950, 890, 0.1) == "passed");  // certain, but small
  CHECK(result(6, 6, 0, 0.1) == "passed");         // too few to tell
  CHECK(result(7, 7, 0, 0.1) == "failed");
  CHECK(result(50, 3, 50, 0.1) == "passed");
}

TEST_CASE("noise of 50 cases seldom fails a version that lost nothing") {
  std::mt19937_64 random(5);
  std::bernoulli_distribution passes(0.85);  // each reply by itself: more noise than with common seeds
  const auto all = cases(50);
  int failed = 0;
  for (int trial = 0; trial < 2000; ++trial) {
    Outcomes before(50), after(50);
    for (std::size_t i = 0; i < 50; ++i) before[i] = passes(random), after[i] = passes(random);
    failed += any_failed(compare(all, before, after, 1, 0.1));
  }
  CHECK(failed < 2000 * chance_limit);
}

TEST_CASE("texts pass while their loss rises by no more than each allows") {
  std::vector<HeldOutCase> texts(10);
  for (HeldOutCase& one : texts) {
    one.set = "language";
    one.text = "Once upon a time.";
  }
  texts[0].max_rise = 1;
  const Outcomes reference(10, 2.0);
  Outcomes worse(10, 2.25);
  auto sets = compare(texts, reference, worse, 4, 0.1);
  CHECK(sets[0].lost == 9);
  CHECK(sets[0].passed == 1);
  CHECK(sets[0].loss == Approx(2.25));
  CHECK(sets[0].result == "failed");
  CHECK(to_text(sets) == "language 0.10 of 10, loss 2.250 (lost 9, gained 0) FAILED");
  CHECK(compare(texts, reference, Outcomes(10, 1.5), 4, 0.1)[0].gained == 9);
  for (std::size_t i = 5; i < 10; ++i) worse[i] = 1.75;  // as many that fell: no loss
  sets = compare(texts, reference, worse, 4, 0.1);
  CHECK(sets[0].lost == 4);
  CHECK(sets[0].gained == 5);
  CHECK(sets[0].passed == 6);
  CHECK(sets[0].result == "passed");
  CHECK(compare(texts, reference, Outcomes(10, 2.05), 4, 0.1)[0].passed == 10);
  CHECK(to_text(as_reference(texts, reference, 0)) == "language 1.00 of 10, loss 2.000");
}

TEST_CASE("a text whose loss a version cannot compute is lost; one that the reference could not is left out of it") {
  std::vector<HeldOutCase> texts(8);
  for (HeldOutCase& one : texts) {
    one.set = "language";
    one.text = "Once upon a time.";
  }
  const double none = std::numeric_limits<double>::quiet_NaN();
  CHECK(compare(texts, Outcomes(8, 2.0), Outcomes(8, none), 1, 0.1)[0].result == "failed");
  CHECK(compare(texts, Outcomes(8, none), Outcomes(8, 2.0), 1, 0.1)[0].result == "passed");
  CHECK(compare(texts, Outcomes(8, none), Outcomes(8, none), 1, 0.1)[0].lost == 0);
}
