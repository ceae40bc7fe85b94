#include <numeric>
#include <set>

#include "samples/batcher.hpp"
#include "samples/step_shards.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using Ids = std::vector<std::int64_t>;

namespace {

TrainingSample sample(std::int64_t turn, std::int64_t version = 0, std::int32_t revision = 0, std::size_t tokens = 4) {
  TrainingSample s;
  s.id = {{turn}, revision};
  s.ids.assign(tokens, 1);
  s.loss_mask.assign(tokens, 0);
  s.loss_mask.back() = 1;
  s.version = version;
  s.origin = "turn";
  return s;
}

Ids turns(const Batch& batch) {
  Ids ids;
  for (const auto& s : batch.samples) ids.push_back(s.id.turn.value);
  return ids;
}

/// A run with one line, whose steps made as many versions.
PolicyLines after(std::int64_t steps, const std::string& line = shared_line) {
  PolicyLines lines(8, 100);
  lines.begin_at(line, steps, steps);
  return lines;
}

SamplesConfig settings(int batch, int replay = 0, int window = 8, double age = 0) {
  SamplesConfig config;
  config.batch = batch;
  config.replay = replay;
  config.replay_window = window;
  config.partial_batch_age_s = age;
  return config;
}

}  // namespace

TEST_CASE("batches by count in order of arrival; the surplus waits") {
  Batcher batcher(settings(2), 1);
  CHECK_FALSE(batcher.next(after(0), 1e9));
  for (int i = 1; i <= 5; ++i) batcher.add(sample(i), 0);
  CHECK(turns(*batcher.next(after(0), 0)) == Ids{1, 2});
  CHECK(turns(*batcher.next(after(1), 0)) == Ids{3, 4});
  CHECK_FALSE(batcher.next(after(2), 1e9));  // no clock without an age
  CHECK(batcher.waiting() == 1);
  CHECK(batcher.take_dropped().empty());
}

TEST_CASE("partial batches go at their age") {
  Batcher batcher(settings(4, 0, 8, 2.0), 1);
  batcher.add(sample(1), 10.0);
  batcher.add(sample(2), 11.5);
  CHECK_FALSE(batcher.next(after(0), 11.9));
  CHECK(turns(*batcher.next(after(0), 12.0)) == Ids{1, 2});
  CHECK_FALSE(batcher.next(after(1), 100.0));
}

TEST_CASE("a step has samples.smallest_step samples at least: fresh ones wait until the window holds the rest") {
  SamplesConfig config = settings(2, 3, 8, 2.0);
  config.smallest_step = 4;
  Batcher batcher(config, 1);
  for (int i = 1; i <= 3; ++i) batcher.add(sample(i), 0);
  CHECK_FALSE(batcher.will_have_batch());
  CHECK_FALSE(batcher.next(after(0), 100));
  batcher.add(sample(4), 0);
  CHECK(batcher.has_batch());
  CHECK(turns(*batcher.next(after(0), 0)) == Ids{1, 2, 3, 4});  // more than a batch, since nothing can be replayed
  batcher.add(sample(5), 100);
  CHECK_FALSE(batcher.has_batch());
  CHECK(batcher.will_have_batch());
  CHECK_FALSE(batcher.next(after(1), 101));
  CHECK(batcher.next(after(1), 102)->samples.size() == 4);  // one fresh, of age, and three of the window
  for (int i = 1; i <= 5; ++i) batcher.drop({i}, "unsteady");
  batcher.add(sample(6), 200);
  CHECK_FALSE(batcher.will_have_batch());
}

TEST_CASE("a line that is too small does not keep another one waiting") {
  SamplesConfig config = settings(2, 0, 8, 2.0);
  config.smallest_step = 2;
  Batcher batcher(config, 1, 2);
  TrainingSample alone = sample(1), first = sample(2), second = sample(3);
  alone.line = "eve";
  first.line = second.line = "bob";
  batcher.add(alone, 0);
  batcher.add(first, 1);
  batcher.add(second, 2);
  PolicyLines lines(8, 100);
  CHECK(turns(*batcher.next(lines, 100)) == Ids{2, 3});
  CHECK_FALSE(batcher.next(lines, 100));
}

TEST_CASE("replayed samples come from the window, without repeats, the same for the same seed and step") {
  auto run = [](std::uint64_t seed) {
    Batcher batcher(settings(2, 3, 6), seed);
    std::vector<Ids> batches;
    for (int step = 1; step <= 8; ++step) {
      batcher.add(sample(2 * step - 1), 0);
      batcher.add(sample(2 * step), 0);
      const auto batch = *batcher.next(after(step - 1), 0);
      CHECK(batch.fresh == 2);
      const auto ids = turns(batch);
      CHECK(std::set<std::int64_t>(ids.begin(), ids.end()).size() == ids.size());
      for (std::size_t i = 0; i < ids.size(); ++i) {
        CHECK(batch.samples[i].origin == (i < 2 ? "turn" : "replay"));
        if (i >= 2) CHECK((ids[i] < 2 * step - 1 && ids[i] >= 2 * step - 1 - 6));  // the newest six used ones
      }
      batches.push_back(ids);
    }
    CHECK(batches[0].size() == 2);
    CHECK(batches[1].size() == 4);
    CHECK(batches[7].size() == 5);
    return batches;
  };
  CHECK(run(1) == run(1));
  CHECK(run(1) != run(2));
}

TEST_CASE("a restored window replays what the lost one would have") {
  Batcher first(settings(2, 2, 8), 7), second(settings(2, 2, 8), 7);
  std::vector<TrainingSample> used;
  for (int step = 1; step <= 3; ++step) {
    for (int i = 0; i < 2; ++i) {
      used.push_back(sample(2 * step + i));
      first.add(used.back(), 0);
    }
    first.next(after(step - 1), 0);
  }
  second.restore_window(used);
  for (auto* batcher : {&first, &second}) {
    batcher->add(sample(100), 0);
    batcher->add(sample(101), 0);
  }
  CHECK(turns(*first.next(after(3), 0)) == turns(*second.next(after(3), 0)));
}

TEST_CASE("stale samples are dropped by name, and forgotten in the window") {
  auto config = settings(2, 4, 8);
  config.max_staleness = 3;
  Batcher batcher(config, 1);
  batcher.restore_window({sample(90, 0), sample(91, 5)});
  batcher.add(sample(1, 1), 0);
  batcher.add(sample(2, 2), 0);
  batcher.add(sample(3, 5), 0);
  CHECK(turns(*batcher.next(after(5), 0)) == Ids{2, 3, 91});
  const auto dropped = batcher.take_dropped();
  REQUIRE(dropped.size() == 1);
  CHECK(dropped[0].first.turn.value == 1);
  CHECK(dropped[0].second == "stale");
}

TEST_CASE("a newer revision takes the place of the older one") {
  Batcher batcher(settings(2, 4, 8), 1);
  batcher.restore_window({sample(5), sample(6)});
  batcher.add(sample(1), 0);
  batcher.add(sample(2), 0);
  batcher.add(sample(1, 0, 1), 0);
  batcher.add(sample(5, 0, 1), 0);
  const auto dropped = batcher.take_dropped();
  REQUIRE(dropped.size() == 1);
  CHECK(dropped[0] == std::pair{SampleId{{1}, 0}, std::string("superseded")});
  const auto batch = *batcher.next(after(0), 0);
  CHECK(turns(batch) == Ids{2, 1, 6});
  CHECK(batch.samples[1].id.revision == 1);
}

TEST_CASE("a step is of one policy line: the first that has a batch, with its own replay window") {
  auto of = [](std::int64_t turn, const std::string& line) {
    TrainingSample s = sample(turn);
    s.line = line;
    return s;
  };
  Batcher batcher(settings(2, 2, 2), 1, 2);
  for (const auto& [turn, line] : std::vector<std::pair<std::int64_t, std::string>>{
           {1, "a"}, {2, "b"}, {3, "b"}, {4, "a"}, {5, "b"}, {6, "b"}, {7, "a"}, {8, "a"}})
    batcher.add(of(turn, line), 0);
  const PolicyLines lines(8, 100);
  std::vector<std::pair<std::string, Ids>> steps;
  CHECK(batcher.has_batch());
  while (const auto batch = batcher.next(lines, 0)) {
    for (const auto& one : batch->samples) CHECK(one.line == batch->line);
    CHECK(batch->fresh == 2);
    steps.emplace_back(batch->line, turns(*batch));
  }
  CHECK_FALSE(batcher.has_batch());
  CHECK(steps == std::vector<std::pair<std::string, Ids>>{
                     {"b", {2, 3}}, {"a", {1, 4}}, {"b", {5, 6, 2, 3}}, {"a", {7, 8, 1, 4}}});
}

TEST_CASE("what other lines do makes no sample of a line stale, and a busy line lets an old one pass") {
  auto config = settings(2, 0, 0, 5.0);
  config.max_staleness = 1;
  Batcher batcher(config, 1, 2);
  TrainingSample quiet = sample(1, 3);
  quiet.line = "quiet";
  batcher.add(quiet, 1.0);
  for (int i = 2; i <= 5; ++i) {
    batcher.add(sample(i, 40), 2.0);
  }
  PolicyLines lines(8, 100);
  lines.begin_at(shared_line, 40, 40);
  lines.stepped("quiet", 3);
  CHECK(turns(*batcher.next(lines, 2.0)) == Ids{2, 3});
  CHECK(turns(*batcher.next(lines, 6.0)) == Ids{1});
  CHECK(turns(*batcher.next(lines, 6.0)) == Ids{4, 5});
  CHECK(batcher.take_dropped().empty());
}

TEST_CASE("before it is full, one of the lines has a batch") {
  Batcher batcher(settings(40), 1, 50);
  for (int i = 0; !batcher.full(); ++i) {
    TrainingSample one = sample(i);
    one.line = std::to_string(i % 50);
    batcher.add(one, 0);
  }
  CHECK(batcher.has_batch());
}

TEST_CASE("shards are balanced by tokens and complete") {
  std::vector<TrainingSample> samples;
  for (std::size_t tokens : {10, 70, 30, 30, 20, 40}) samples.push_back(sample(1, 0, 0, tokens));
  CHECK(step_shards(samples, 2) == std::vector<std::vector<std::int32_t>>{{1, 3}, {0, 2, 4, 5}});
  CHECK(step_shards(samples, 1)[0] == std::vector<std::int32_t>{0, 1, 2, 3, 4, 5});
  const auto many = step_shards(samples, 8);
  CHECK(many.size() == 8);
  CHECK(many[7].empty());
  CHECK(active_tokens(samples) == 6);
}

TEST_CASE("the batcher says when it is full") {
  Batcher batcher(settings(1), 1);
  for (int i = 0; !batcher.full(); ++i) batcher.add(sample(i), 0);
  CHECK(batcher.waiting() == 1024);
}
