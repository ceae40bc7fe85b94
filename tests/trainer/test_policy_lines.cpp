// One learner, several policy lines: a step on one of them leaves the bits of the others alone.

#include <map>

#include "comm/collectives.hpp"
#include "core/checksum.hpp"
#include "core/error.hpp"
#include "core/line_tensors.hpp"
#include "support/catch.hpp"
#include "trainer/learner_support.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

std::unique_ptr<Learner> lora_learner(const ModelFolder& folder, Collectives& collectives,
                                      LineStack lines = LineStack::apart) {
  LoraConfig lora;
  lora.rank = 4;
  LossSettings loss;
  loss.importance_cap = 0;
  OptimizerSettings optimizer;
  optimizer.warmup_steps = 3;  // so that the rate differs from step to step
  return make_learner(folder.path, optimizer, loss, collectives, lora, "cpu", DType::f32, lines);
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

/// Weights and moments of main as they are: put back before a step, the shared part is the same in all of them.
struct SharedPart {
  explicit SharedPart(Learner& learner) {
    for (const ParameterView& view : learner.state())
      if (line_of_tensor(view.name) == "main") {
        const auto* data = static_cast<const std::byte*>(view.data);
        bytes[view.name].assign(data, data + view.bytes());
      }
  }
  void put_back(Learner& learner) const {
    for (const ParameterView& view : learner.state())
      if (const auto found = bytes.find(view.name); found != bytes.end())
        std::memcpy(view.data, found->second.data(), found->second.size());
  }
  std::map<std::string, std::vector<std::byte>> bytes;
};

std::vector<float> scores(Learner& learner, const std::string& line) {
  TrainingSample sample = random_samples(77, 1).at(0);
  sample.line = line;
  return learner.score(sample);
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

TEST_CASE("on a shared line a step moves it and its user's part, and no bit of another user's") {
  const ModelFolder folder("lines_stacked");
  const auto collectives = make_local_collectives();
  const auto learner = lora_learner(folder, *collectives, LineStack::on_main);
  learner->step(batch_of("a", 1, 1));
  learner->step(batch_of("b", 1, 2));
  const std::string a = bits_of(*learner, "a"), b = bits_of(*learner, "b");
  const auto scored = scores(*learner, "b");
  for (std::int64_t number = 2; number <= 4; ++number) {
    const std::string shared = bits_of(*learner, "main");
    learner->step(batch_of("a", number, 1 + number));
    CHECK(bits_of(*learner, "b") == b);
    CHECK(bits_of(*learner, "main") != shared);
  }
  CHECK(bits_of(*learner, "a") != a);
  CHECK(scores(*learner, "b") != scored);  // but b speaks on top of what is shared
  const std::string before = bits_of(*learner, "a");
  learner->step(batch_of("main", 1, 6));
  CHECK(bits_of(*learner, "a") == before);
  CHECK(bits_of(*learner, "b") == b);
}

TEST_CASE("over one shared part, a user's part among others ends with the bits of one that is trained alone") {
  const ModelFolder folder("stacked_alone");
  const auto collectives = make_local_collectives();
  const auto alone = lora_learner(folder, *collectives, LineStack::on_main),
             among = lora_learner(folder, *collectives, LineStack::on_main);
  alone->step(batch_of("main", 1, 1));
  const SharedPart shared(*alone);
  for (std::int64_t number = 1; number <= 4; ++number) {
    shared.put_back(*alone);
    alone->step(batch_of("a", number, number));
    among->step(batch_of("b", number, number));
    among->step(batch_of("main", number, number));
    shared.put_back(*among);
    among->step(batch_of("a", number, number));
  }
  CHECK(bits_of(*among, "a") == bits_of(*alone, "a"));
  CHECK(bits_of(*among, "main") == bits_of(*alone, "main"));
  CHECK(bits_of(*among, "a") != bits_of(*among, "b"));
  CHECK(flatten(among->parameters("a")) == flatten(alone->parameters("a")));
}

TEST_CASE("what is published of a user's line is one adapter of both ranks that scores as the trainer does") {
  const ModelFolder folder("stacked_published");
  const auto collectives = make_local_collectives();
  const auto learner = lora_learner(folder, *collectives, LineStack::on_main);
  const auto start = scores(*learner, "main");
  learner->add_line("a");
  CHECK(scores(*learner, "a") == start);  // a fresh part says nothing
  for (std::int64_t number = 1; number <= 3; ++number) learner->step(batch_of("a", number, number));
  CHECK(scores(*learner, "main") != start);  // a shared part that learned from a
  CHECK(scores(*learner, "main") != scores(*learner, "a"));
  const auto sampler = make_policy(folder.path, "cpu", {.rank = 8, .alpha = 32});  // twice lora_learner()'s
  std::int64_t version = 0;
  for (const char* line : {"a", "main"}) {
    const auto views = learner->parameters(line);
    copy_state(views, sampler->shadow(++version));
    sampler->publish(version);
    const auto expected = scores(*learner, line);
    ScoreRequest request;
    const TrainingSample sample = random_samples(77, 1).at(0);
    request.ids = sample.ids;
    request.temperature = sample.temperature;
    const auto found = sampler->score(version, {&request, 1}).at(0).logprobs;
    REQUIRE(found.size() + 1 == expected.size());
    for (std::size_t t = 0; t < found.size(); ++t) CHECK(found[t] == Approx(expected[t + 1]).margin(1e-4));
  }
}

TEST_CASE("a restored learner with a shared line goes on with the bits of every part") {
  const ModelFolder folder("stacked_restored");
  const auto collectives = make_local_collectives();
  const auto whole = lora_learner(folder, *collectives, LineStack::on_main),
             after = lora_learner(folder, *collectives, LineStack::on_main);
  std::int64_t step = 0;
  for (std::int64_t number = 1; number <= 2; ++number)
    for (const char* line : {"a", "b"}) whole->step(batch_of(line, number, ++step));
  for (const ParameterView& view : whole->state()) after->add_line(line_of_tensor(view.name));
  copy_state(whole->state(), after->state());
  CHECK(flatten(whole->parameters("a")) == flatten(after->parameters("a")));
  for (const char* line : {"b", "main", "a"}) {
    whole->step(batch_of(line, 3, ++step));
    after->step(batch_of(line, 3, step));
  }
  for (const char* line : {"a", "b", "main"}) CHECK(bits_of(*whole, line) == bits_of(*after, line));
}
