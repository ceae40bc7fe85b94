// Thousands of generated requests with known answers: are they linked to the right turns?

#include <iostream>

#include "session/trace_generator.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

TraceReport play(const std::string& what, const TraceSettings& settings) {
  const TraceReport r = TraceGenerator(settings).run();
  std::cout << what << ": " << r.requests << " requests, " << r.expected << " links expected, right " << r.right << " ("
            << 100 * r.share() << " %), wrong " << r.wrong << ", missed " << r.missed
            << "; requests in another session " << r.strayed << "; superseded " << r.superseded << " (missed "
            << r.superseded_missed << ", wrong " << r.superseded_wrong << ")\n";
  return r;
}

TraceSettings with(Stated stated, std::uint64_t seed) {
  TraceSettings settings;
  settings.stated = stated;
  settings.seed = seed;
  return settings;
}

}  // namespace

TEST_CASE("with a stated session every link is right") {
  for (const std::uint64_t seed : {1, 2, 3})
    for (const Stated stated : {Stated::header, Stated::runtime_line}) {
      const TraceReport r = play(stated == Stated::header ? "headers" : "Runtime line", with(stated, seed));
      CHECK(r.expected > 1000);
      CHECK(r.right == r.expected);
      CHECK(r.wrong == 0);
      CHECK(r.missed == 0);
      CHECK(r.strayed == 0);
      CHECK(r.superseded > 20);
      CHECK(r.superseded_missed <= 1);  // of some 400
      CHECK(r.superseded_wrong == 0);
    }
}

TEST_CASE("without any header at least 99 of 100 links are right") {
  for (const std::uint64_t seed : {1, 2, 3})
    for (const Stated stated : {Stated::nothing, Stated::weak_ids}) {
      const TraceReport r = play(stated == Stated::nothing ? "nothing" : "weak ids", with(stated, seed));
      CHECK(r.expected > 1000);
      CHECK(r.share() >= 0.99);
    }
}

TEST_CASE("nine of ten conversations begin with the same words") {
  for (const Stated stated : {Stated::header, Stated::runtime_line, Stated::weak_ids, Stated::nothing}) {
    TraceSettings settings = with(stated, 4);
    settings.equal_openings = 90;
    settings.stock_replies = 10;
    const TraceReport r = play("equal openings " + std::to_string(static_cast<int>(stated)), settings);
    CHECK(r.share() >= (stated == Stated::header || stated == Stated::runtime_line ? 1.0 : 0.95));
  }
}
