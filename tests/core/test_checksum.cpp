#include <array>
#include <cstring>
#include <string_view>

#include "core/checksum.hpp"
#include "support/catch.hpp"

using namespace clawrl;

namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

struct Weights {
  std::array<float, 6> first = {1, 2, 3, 4, 5, 6};
  std::array<float, 2> second = {7, 8};
  std::vector<ParameterView> views() {
    return {{"a", DType::f32, {2, 3}, first.data(), MemorySpace::host},
            {"b", DType::f32, {2}, second.data(), MemorySpace::host}};
  }
};

}  // namespace

TEST_CASE("checksum is XXH3 with 64 bits, as files and other programs know it") {
  CHECK(checksum({}) == 0x2d06800538d394c2ULL);  // xxHash's published value for no input
  const std::string long_text(100'000, 'x');
  CHECK(checksum(bytes_of(long_text)) == checksum(bytes_of(std::string(100'000, 'x'))));
  CHECK(checksum(bytes_of("clawrl")) != checksum(bytes_of("clawrm")));
}

TEST_CASE("one bit anywhere changes the checksum") {
  std::string text(257, 'a');
  const std::uint64_t before = checksum(bytes_of(text));
  for (char& c : text) {
    c ^= 1;
    CHECK(checksum(bytes_of(text)) != before);
    c ^= 1;
  }
  CHECK(checksum(bytes_of(text)) == before);
}

TEST_CASE("weights_hash tells names, shapes, values and order apart") {
  Weights w;
  const std::string same = weights_hash(w.views());
  CHECK(same.size() == 16);
  CHECK(same.find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(weights_hash(Weights().views()) == same);

  auto views = w.views();
  views[1].name = "c";
  CHECK(weights_hash(views) != same);
  views = w.views();
  views[0].shape = {3, 2};
  CHECK(weights_hash(views) != same);
  views = w.views();
  std::swap(views[0], views[1]);
  CHECK(weights_hash(views) != same);
  w.second[1] = -w.second[1];
  CHECK(weights_hash(w.views()) != same);
  w.second[1] = -w.second[1];
  CHECK(weights_hash(w.views()) == same);
}
