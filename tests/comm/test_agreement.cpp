#include "comm/agreement.hpp"
#include "support/catch.hpp"

using namespace clawrl;

TEST_CASE("ranks agree when those with a value have the same one") {
  const auto world = Communicator::borrow_world();
  const bool first = world.rank() == 0, alone = world.size() == 1;
  CHECK(all_agree(world, std::nullopt));
  for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{4711}, ~std::uint64_t{0}}) {
    CHECK(all_agree(world, value));
    CHECK(all_agree(world, first ? std::optional(value) : std::nullopt));
    CHECK(all_agree(world, first ? value : value ^ 1) == alone);
  }
}
