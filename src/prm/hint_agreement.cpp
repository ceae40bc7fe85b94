#include "prm/hint_agreement.hpp"

#include <algorithm>
#include <cmath>

#include "core/error.hpp"

namespace clawrl {
namespace {

constexpr double negligible = 0.01;  // |u|^2 beside the other hint's: the reply does already what the hint asks for

struct Products {
  double both = 0, first = 0, second = 0;  // <u_a, u_b>, <u_a, u_a>, <u_b, u_b>
};

/// One position. A covariance needs no centred copy: <u, v> = E[uv] - E[u] E[v], times the mass of the row's ids.
void add_row(std::span<const float> plain, std::span<const float> first, std::span<const float> second,
             Products& sums) {
  double mass = 0, u = 0, v = 0;
  Products row;
  for (std::size_t k = 0; k < plain.size(); ++k) {
    const double p = std::exp(static_cast<double>(plain[k]));
    const double a = first[k] - plain[k], b = second[k] - plain[k];
    if (!std::isfinite(a) || !std::isfinite(b)) continue;
    mass += p;
    u += p * a;
    v += p * b;
    row.both += p * a * b;
    row.first += p * a * a;
    row.second += p * b * b;
  }
  if (mass <= 0) return;
  sums.both += row.both - u * v / mass;
  sums.first += row.first - u * u / mass;
  sums.second += row.second - v * v / mass;
}

}  // namespace

double hint_agreement(std::span<const float> plain, std::span<const float> first, std::span<const float> second,
                      std::size_t width) {
  expect(width > 0 && plain.size() % width == 0 && first.size() == plain.size() && second.size() == plain.size(),
         "hint_agreement: all [R,width]");
  Products sums;
  for (std::size_t row = 0; row < plain.size(); row += width)
    add_row(plain.subspan(row, width), first.subspan(row, width), second.subspan(row, width), sums);
  const auto [weaker, stronger] = std::minmax(sums.first, sums.second);
  if (weaker <= std::max(negligible * stronger, 1e-9)) return 0;
  return std::clamp(sums.both / (std::sqrt(weaker) * std::sqrt(stronger)), -1.0, 1.0);
}

double praise_agreement(std::span<const float> plain, std::span<const float> hinted) {
  expect(hinted.size() == plain.size(), "praise_agreement: both [R]");
  double ratio = 0;
  for (std::size_t t = 0; t < plain.size(); ++t) ratio += static_cast<double>(hinted[t]) - plain[t];
  return std::isnan(ratio) ? 0 : std::tanh(ratio / 2);
}

}  // namespace clawrl
