#include <algorithm>
#include <numeric>

#include "core/partition.hpp"
#include "support/catch.hpp"

using namespace clawrl;

namespace {

/// The parameters of a small decoder: few large ones, many small ones.
std::vector<ParameterView> decoder_views() {
  std::vector<ParameterView> views = {{"embed", DType::f32, {3136, 96}, nullptr, MemorySpace::host}};
  for (int layer = 0; layer < 6; ++layer) {
    for (const char* projection : {"q", "k", "v", "o"})
      views.push_back({std::to_string(layer) + projection, DType::f32, {96, 96}, nullptr, MemorySpace::host});
    for (const char* projection : {"gate", "up", "down"})
      views.push_back({std::to_string(layer) + projection, DType::f32, {256, 96}, nullptr, MemorySpace::host});
    views.push_back({std::to_string(layer) + "norm", DType::bf16, {96}, nullptr, MemorySpace::host});
  }
  return views;
}

std::vector<std::size_t> loads(const std::vector<ParameterView>& views, const std::vector<int>& owner, int ranks) {
  std::vector<std::size_t> load(static_cast<std::size_t>(ranks), 0);
  for (std::size_t i = 0; i < views.size(); ++i) load.at(static_cast<std::size_t>(owner[i])) += views[i].bytes();
  return load;
}

}  // namespace

TEST_CASE("every view has one owner and the loads are balanced") {
  const auto views = decoder_views();
  std::size_t largest = 0, total = 0;
  for (const auto& view : views) largest = std::max(largest, view.bytes()), total += view.bytes();
  for (int ranks : {1, 2, 3, 4, 7, 16}) {
    const auto owner = owners_by_bytes(views, ranks);
    REQUIRE(owner.size() == views.size());
    CHECK(std::all_of(owner.begin(), owner.end(), [&](int o) { return o >= 0 && o < ranks; }));
    const auto load = loads(views, owner, ranks);
    const std::size_t most = *std::max_element(load.begin(), load.end());
    // largest first is never further from the best than a third of it
    const std::size_t best = std::max(largest, total / static_cast<std::size_t>(ranks));
    CHECK(3 * most <= 4 * best + 3);
    CHECK(std::accumulate(load.begin(), load.end(), std::size_t{0}) == total);
  }
}

TEST_CASE("ties go to the lower rank, then the lower index, so that every rank computes the same owners") {
  std::vector<ParameterView> equal;
  for (int i = 0; i < 6; ++i) equal.push_back({"p" + std::to_string(i), DType::f32, {8}, nullptr, MemorySpace::host});
  CHECK(owners_by_bytes(equal, 4) == std::vector<int>{0, 1, 2, 3, 0, 1});
  equal[5].shape = {16};  // the largest is placed first
  CHECK(owners_by_bytes(equal, 3) == std::vector<int>{1, 2, 1, 2, 0, 0});
  CHECK(owners_by_bytes(decoder_views(), 4) == owners_by_bytes(decoder_views(), 4));
}

TEST_CASE("more ranks than views, and no views") {
  const std::vector<ParameterView> two = {{"a", DType::u8, {1}, nullptr, MemorySpace::host},
                                          {"b", DType::u8, {2}, nullptr, MemorySpace::host}};
  CHECK(owners_by_bytes(two, 5) == std::vector<int>{1, 0});
  CHECK(owners_by_bytes({}, 3).empty());
}
