// One learner, several policy lines: a step on one of them leaves the bits of the others alone.

#include "comm/collectives.hpp"
#include "core/checksum.hpp"
#include "core/error.hpp"
#include "core/line_tensors.hpp"
#include "support/catch.hpp"
#include "trainer/learner_support.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

std::unique_ptr<Learner> lora_learner(const ModelFolder& folder, Collectives& collectives) {
  LoraConfig lora;
  lora.rank = 4;
  LossSettings loss;
  loss.importance_cap = 0;
  OptimizerSettings optimizer;
  optimizer.warmup_steps = 3;  // so that the rate differs from step to step
  return make_learner(folder.path, optimizer, loss, collectives, lora);
}

/// Step `number` of the line, on data that only this line and number have.
StepBatch batch_of(const std::string& line, std::int64_t number, std::int64_t step) {
  const auto seed = static_cast<std::uint64_t>(100 * number + line.back());
  StepBatch batch = make_batch(step, random_samples(seed, 5, 3));
  batch.line = line;
  batch.line_step = number;
  batch.held_version = 0;
  return batch;
}

/// Weights, moments and number of updates of one line, to the bit, without its name.
std::string bits_of(Learner& learner, const std::string& line) {
  const std::size_t prefix = line_prefix(line).size();
  std::string bits;
  for (const ParameterView& view : learner.state())
    if (line_of_tensor(view.name) == line)
      bits += view.name.substr(prefix) + " " + hex(checksum({static_cast<const std::byte*>(view.data), view.bytes()})) +
              "\n";
  return bits;
}

}  // namespace

TEST_CASE("steps on one line change no bit of another's weights and moments") {
  const ModelFolder folder("lines_apart");
  const auto collectives = make_local_collectives();
  const auto learner = lora_learner(folder, *collectives);
  learner->step(batch_of("a", 1, 1));
  learner->step(batch_of("b", 1, 2));
  const std::string a = bits_of(*learner, "a"), b = bits_of(*learner, "b"), shared = bits_of(*learner, "main");
  for (std::int64_t number = 2; number <= 4; ++number) {
    learner->step(batch_of("a", number, 1 + number));
    CHECK(bits_of(*learner, "b") == b);
    CHECK(bits_of(*learner, "main") == shared);
  }
  CHECK(bits_of(*learner, "a") != a);
  CHECK(a != b);
}

TEST_CASE("a line that is trained among others ends with the bits of one that is trained alone") {
  const ModelFolder folder("lines_alone");
  const auto collectives = make_local_collectives();
  const auto alone = lora_learner(folder, *collectives), among = lora_learner(folder, *collectives);
  std::int64_t step = 0;
  for (std::int64_t number = 1; number <= 4; ++number) {
    alone->step(batch_of("a", number, number));
    among->step(batch_of("b", number, ++step));
    among->step(batch_of("a", number, ++step));
    among->step(batch_of("main", number, ++step));
  }
  CHECK(bits_of(*among, "a") == bits_of(*alone, "a"));
  CHECK(flatten(among->parameters("a")) == flatten(alone->parameters("a")));
  CHECK(flatten(among->parameters("a")) != flatten(among->parameters("b")));
}

TEST_CASE("a restored learner goes on with every line's bits") {
  const ModelFolder folder("lines_restored");
  const auto collectives = make_local_collectives();
  const auto whole = lora_learner(folder, *collectives), after = lora_learner(folder, *collectives);
  for (std::int64_t number = 1; number <= 2; ++number)
    for (const char* line : {"a", "b"}) whole->step(batch_of(line, number, number));
  for (const ParameterView& view : whole->state()) after->add_line(line_of_tensor(view.name));
  copy_state(whole->state(), after->state());
  for (const char* line : {"b", "a"}) {
    whole->step(batch_of(line, 3, 3));
    after->step(batch_of(line, 3, 3));
  }
  CHECK(flatten(whole->state()) == flatten(after->state()));
  CHECK(bits_of(*whole, "a") == bits_of(*after, "a"));
}

TEST_CASE("a dropped line is gone, and begins anew; full weights have no further lines") {
  const ModelFolder folder("lines_dropped");
  const auto collectives = make_local_collectives();
  const auto learner = lora_learner(folder, *collectives), fresh = lora_learner(folder, *collectives);
  learner->step(batch_of("a", 1, 1));
  learner->drop_line("a");
  learner->drop_line("never there");
  learner->drop_line("main");
  CHECK(bits_of(*learner, "a").empty());
  CHECK_FALSE(bits_of(*learner, "main").empty());
  CHECK_THROWS_WITH(learner->parameters("a"), Catch::Contains("no policy line a"));
  learner->step(batch_of("a", 1, 2));
  fresh->step(batch_of("a", 1, 1));
  CHECK(bits_of(*learner, "a") == bits_of(*fresh, "a"));
  const auto full = make_learner(folder.path, {}, {}, *collectives);
  CHECK_THROWS_WITH(full->step(batch_of("a", 1, 1)), Catch::Contains("trainer.lora_rank"));
}
