// The memory of complaints: the most similar tasks first.

#include "demo/complaint_memory.hpp"

#include "support/catch.hpp"

using clawrl::demo::ComplaintMemory;
using Found = std::vector<std::string>;

TEST_CASE("complaints about similar tasks come first, the newest among equals, none twice") {
  ComplaintMemory memory;
  CHECK(memory.similar("Mia has 3 red apples.", 2).empty());
  memory.add("Grade this answer of Tom, please.", "Longer!");
  memory.add("Mia has 4 red pears.", "No bold!");
  memory.add("Mia has 4 red pears.", "No list!");
  memory.add("Mia has 4 red pears.", "No list!");
  CHECK(memory.similar("Mia has 3 red apples.", 2) == Found{"No list!", "No bold!"});
  CHECK(memory.similar("GRADE this answer of Ann!", 1) == Found{"Longer!"});
  CHECK(memory.similar("Mia has 3 red apples.", 9) == Found{"No list!", "No bold!", "Longer!"});
  CHECK(memory.similar("Mia", 0).empty());
}
