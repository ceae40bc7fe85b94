#include "kernels/hint_overlap.hpp"

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <numeric>

#include "core/error.hpp"
#include "kernels/runtime.hpp"

namespace clawrl::kernels {

std::int64_t hint_overlap(std::span<const TokenId> student, std::span<const TokenId> teacher,
                          std::span<std::int32_t> overlap) {
  const char* const kernel = "clawrl::hint_overlap";
  const std::size_t rows = overlap.size();
  if (rows == 0) {
    expect(student.empty() && teacher.empty(), std::string(kernel) + ": ids without rows");
    return 0;
  }
  expect(student.size() % rows == 0 && teacher.size() % rows == 0,
         std::string(kernel) + ": student must be [R,K] and teacher [R,J]");
  const std::size_t own = student.size() / rows;
  const std::size_t other = teacher.size() / rows;
  const auto launch = begin_launch(kernel);
  Kokkos::parallel_for(kernel, Kokkos::RangePolicy<Kokkos::DefaultHostExecutionSpace>(0, rows),
                       [&](const std::int64_t r) {
                         const auto candidates = teacher.subspan(r * other, other);
                         overlap[r] = 0;
                         const auto ids = student.subspan(r * own, own);
                         for (std::size_t k = 0; k < own; ++k) {
                           if (k > 0 && ids[k] == ids[0]) continue;  // fills a row that had no more
                           overlap[r] += std::find(candidates.begin(), candidates.end(), ids[k]) != candidates.end();
                         }
                       });
  return std::accumulate(overlap.begin(), overlap.end(), std::int64_t{0});
}

}  // namespace clawrl::kernels
