// Whether two hints pull a reply the same way, and whether a praised reply is what a hint asks for.

#include <cmath>
#include <limits>
#include <vector>

#include "prm/hint_agreement.hpp"
#include "support/catch.hpp"

using namespace clawrl;

namespace {

using Floats = std::vector<float>;

/// Log-probs of rows of probabilities.
Floats logs(const std::vector<double>& probabilities) {
  Floats values;
  for (const double p : probabilities) values.push_back(static_cast<float>(std::log(p)));
  return values;
}

/// The formula of the header in its own words: centred pulls, then their cosine.
double by_the_formula(const Floats& plain, const Floats& first, const Floats& second, std::size_t width) {
  double both = 0, aa = 0, bb = 0;
  for (std::size_t row = 0; row < plain.size(); row += width) {
    double mass = 0, mean_a = 0, mean_b = 0;
    for (std::size_t i = row; i < row + width; ++i) {
      const double p = std::exp(plain[i]);
      mass += p;
      mean_a += p * (first[i] - plain[i]);
      mean_b += p * (second[i] - plain[i]);
    }
    for (std::size_t i = row; i < row + width; ++i) {
      const double p = std::exp(plain[i]), a = first[i] - plain[i] - mean_a / mass,
                   b = second[i] - plain[i] - mean_b / mass;
      both += p * a * b;
      aa += p * a * a;
      bb += p * b * b;
    }
  }
  return both / std::sqrt(aa * bb);
}

}  // namespace

TEST_CASE("longer and shorter are opposites at the end of a reply, bold text is another matter") {
  // Two positions of two ids: bold or plain, then on or stop.
  const Floats plain = logs({0.5, 0.5, 0.5, 0.5}), longer = logs({0.5, 0.5, 0.9, 0.1}),
               shorter = logs({0.5, 0.5, 0.1, 0.9}), bold = logs({0.9, 0.1, 0.5, 0.5});
  CHECK(hint_agreement(plain, longer, shorter, 2) == Approx(-1));
  CHECK(hint_agreement(plain, longer, longer, 2) == Approx(1));
  CHECK(hint_agreement(plain, longer, bold, 2) == Approx(0).margin(1e-9));
  const Floats bold_and_longer = logs({0.9, 0.1, 0.9, 0.1});
  CHECK(hint_agreement(plain, bold_and_longer, shorter, 2) == Approx(-std::sqrt(0.5)));
}

TEST_CASE("any rows follow the formula, and a factor on a whole row changes nothing") {
  const Floats plain = logs({0.6, 0.2, 0.1, 0.3, 0.3, 0.2}), first = logs({0.1, 0.7, 0.1, 0.2, 0.5, 0.2}),
               second = logs({0.2, 0.2, 0.5, 0.5, 0.1, 0.1});
  const double agreement = hint_agreement(plain, first, second, 3);
  CHECK(agreement == Approx(by_the_formula(plain, first, second, 3)));
  CHECK(agreement == Approx(hint_agreement(plain, second, first, 3)));
  Floats scaled = first;
  for (std::size_t i = 0; i < 3; ++i) scaled[i] -= 0.4F;
  CHECK(hint_agreement(plain, scaled, second, 3) == Approx(agreement));
}

TEST_CASE("a hint that moves nothing agrees with nothing; ids that are ruled out do not count") {
  const Floats plain = logs({0.5, 0.5}), pulled = logs({0.9, 0.1});
  CHECK(hint_agreement(plain, plain, pulled, 2) == 0);
  CHECK(hint_agreement(plain, logs({0.49, 0.51}), pulled, 2) == 0);  // obeyed already: the rest is noise
  const float never = -std::numeric_limits<float>::infinity();
  CHECK(hint_agreement({}, {}, {}, 2) == 0);
  const Floats masked = {std::log(0.5F), std::log(0.5F), never}, a = {std::log(0.9F), std::log(0.1F), never},
               b = {std::log(0.1F), std::log(0.9F), never};
  CHECK(hint_agreement(masked, a, b, 3) == Approx(-1));
}

TEST_CASE("praise agrees with a hint under which its reply is likelier, by the ratio of the two probabilities") {
  const Floats plain = logs({0.5, 0.2}), hinted = logs({0.9, 0.4}), against = logs({0.1, 0.02});
  const auto by_definition = [](double p, double q) { return (q - p) / (q + p); };
  CHECK(praise_agreement(plain, hinted) == Approx(by_definition(0.5 * 0.2, 0.9 * 0.4)));
  CHECK(praise_agreement(plain, against) == Approx(by_definition(0.5 * 0.2, 0.1 * 0.02)));
  CHECK(praise_agreement(plain, plain) == 0);
  CHECK(praise_agreement({}, {}) == 0);
  const float never = -std::numeric_limits<float>::infinity();
  CHECK(praise_agreement(plain, Floats{never, 0}) == -1);
  CHECK(praise_agreement(Floats{never, 0}, Floats{never, 0}) == 0);  // undefined: says nothing
}
