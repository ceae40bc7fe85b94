// The receiver alone, fed by hand: what it accepts, what it refuses, and that a refused version leaves nothing behind.

#include <algorithm>

#include "comm/wire.hpp"
#include "core/checksum.hpp"
#include "support/catch.hpp"
#include "weights/shadow_policy.hpp"
#include "weights/weight_receiver.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

struct Delivery {
  WeightChunk chunk;
  Buffer bytes;
  Envelope envelope() const { return {0, Port::weights, WeightChunk::type_id, pack(chunk), bytes}; }
};

std::vector<Delivery> chunks_of(const WeightSet& weights, std::int64_t version, std::int64_t size) {
  std::vector<Delivery> all;
  for (std::size_t i = 0; i < weights.views().size(); ++i) {
    const ParameterView& view = weights.views()[i];
    const auto* data = static_cast<const std::byte*>(view.data);
    WeightChunk chunk{version,
                      static_cast<std::int32_t>(i),
                      static_cast<std::int32_t>(weights.views().size()),
                      0,
                      static_cast<std::int64_t>(view.bytes()),
                      checksum({data, view.bytes()})};
    for (; chunk.offset < chunk.parameter_bytes; chunk.offset += size) {
      const std::int64_t count = std::min(size, chunk.parameter_bytes - chunk.offset);
      all.push_back({chunk, Buffer(data + chunk.offset, data + chunk.offset + count)});
    }
  }
  return all;
}

struct Receiving {
  ShadowPolicy policy, teacher;
  std::vector<WeightReceiver::Outcome> outcomes;
  WeightReceiver receiver{{&policy, &teacher}, [this](const WeightReceiver::Outcome& o) { outcomes.push_back(o); }};
  void take(const std::vector<Delivery>& deliveries) {
    for (const Delivery& one : deliveries) receiver.take(one.envelope());
  }
  /// One outcome with this text in its error, and no policy keeps a shadow.
  void check_refused(std::int64_t version, const std::string& text) const {
    REQUIRE(outcomes.size() == 1);
    CHECK(outcomes[0].version == version);
    CHECK_THAT(outcomes[0].error, Catch::Matchers::Contains(text));
    for (const ShadowPolicy* one : {&policy, &teacher}) {
      CHECK_FALSE(one->holds(version));
      CHECK(one->discarded == std::vector<std::int64_t>{version});
    }
  }
};

}  // namespace

TEST_CASE("chunks may come in any order, versions interleaved") {
  WeightSet first, second;
  first.fill(1);
  second.fill(2);
  std::vector<Delivery> all = chunks_of(first, 1, 100);
  const auto more = chunks_of(second, 2, 333);
  all.insert(all.end(), more.begin(), more.end());
  for (std::size_t i = all.size(); i > 1; --i) std::swap(all[i - 1], all[(i * 7919) % i]);
  std::reverse(all.begin(), all.end());
  Receiving r;
  r.take(all);
  REQUIRE(r.outcomes.size() == 2);
  for (const auto& outcome : r.outcomes) {
    CHECK(outcome.error == "");
    CHECK(outcome.bytes == first.bytes());
  }
  CHECK(r.policy.weights(1) == first);
  CHECK(r.teacher.weights(1) == first);
  CHECK(r.policy.weights(2) == second);
  CHECK(r.teacher.weights(2) == second);
}

TEST_CASE("nothing is complete before the last byte") {
  WeightSet weights;
  weights.fill(1);
  auto all = chunks_of(weights, 1, 64);
  const Delivery last = all.back();
  all.pop_back();
  Receiving r;
  r.take(all);
  CHECK(r.outcomes.empty());
  r.take({last});
  CHECK(r.outcomes.size() == 1);
}

TEST_CASE("a corrupt byte is named with its parameter and the shadow goes") {
  WeightSet weights;
  weights.fill(3);
  auto all = chunks_of(weights, 3, 100);
  const auto hit = std::find_if(all.begin(), all.end(), [](const Delivery& d) { return d.chunk.parameter == 3; });
  hit->bytes[5] ^= std::byte{1};
  Receiving r;
  r.take(all);  // what follows the corrupt parameter is ignored
  r.check_refused(3, "layers.3.weight");

  WeightSet next;  // the version after it comes whole
  next.fill(4);
  r.take(chunks_of(next, 4, 100));
  REQUIRE(r.outcomes.size() == 2);
  CHECK(r.outcomes[1].error == "");
  CHECK(r.policy.weights(4) == next);
}

TEST_CASE("a wrong checksum in the message is a mismatch as well") {
  WeightSet weights;
  weights.fill(3);
  auto all = chunks_of(weights, 3, 1 << 20);
  all[1].chunk.parameter_checksum ^= 1;
  Receiving r;
  r.take(all);
  r.check_refused(3, "layers.1.weight");
}

TEST_CASE("sizes and places that do not fit are refused before anything is written") {
  WeightSet weights;
  weights.fill(3);
  const Delivery good = chunks_of(weights, 3, 1 << 20)[1];
  Delivery bad = good;
  SECTION("another size of the parameter") {
    bad.chunk.parameter_bytes += 4;
  }
  SECTION("more bytes than the parameter has") {
    bad.bytes.resize(bad.bytes.size() + 1);
  }
  SECTION("an offset past the end") {
    bad.chunk.offset = 1;
  }
  SECTION("an offset before the beginning") {
    bad.chunk.offset = -8;
    bad.bytes.resize(16);
  }
  SECTION("an index past the last parameter") {
    bad.chunk.parameter = bad.chunk.parameters;
  }
  SECTION("a negative index") {
    bad.chunk.parameter = -1;
  }
  SECTION("another number of parameters") {
    bad.chunk.parameters += 1;
  }
  Receiving r;
  r.take({bad});
  r.check_refused(3, "parameter " + std::to_string(bad.chunk.parameter));
  r.take(chunks_of(weights, 3, 1 << 20));
  CHECK(r.outcomes.size() == 1);
}

TEST_CASE("one policy of another shape refuses the version for both") {
  ShadowPolicy policy, other({{DType::f32, {2, 2}}});
  std::vector<WeightReceiver::Outcome> outcomes;
  WeightReceiver receiver({&policy, &other}, [&](const WeightReceiver::Outcome& o) { outcomes.push_back(o); });
  WeightSet weights;
  weights.fill(9);
  for (const Delivery& one : chunks_of(weights, 9, 4096)) receiver.take(one.envelope());
  REQUIRE(outcomes.size() == 1);
  CHECK(outcomes[0].error != "");
  CHECK_FALSE(policy.holds(9));
  CHECK_FALSE(other.holds(9));
}
