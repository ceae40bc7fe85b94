// The same global batch cut over the ranks gives the same training as one rank that holds all of it.

#include <mpi.h>

#include <cmath>
#include <numeric>

#include "comm/mpi_collectives.hpp"
#include "core/error.hpp"
#include "support/catch.hpp"
#include "trainer/learner_support.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

std::unique_ptr<Collectives> world() {
  int size = 1;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  std::vector<int> ranks(static_cast<std::size_t>(size));
  std::iota(ranks.begin(), ranks.end(), 0);
  return make_mpi_collectives(ranks);
}

/// Elements with a gradient near rounding noise would differ by up to a whole Adam step; a larger eps keeps them still.
OptimizerSettings optimizer() {
  OptimizerSettings settings;
  settings.eps = 1e-5;
  return settings;
}

LossSettings coupled() {
  LossSettings settings;
  settings.importance_cap = 0;
  return settings;
}

/// Sample i goes to rank owner(i).
template <class Owner>
StepBatch shard(const StepBatch& whole, int rank, Owner owner) {
  StepBatch part = whole;
  part.samples.clear();
  part.kinds.clear();
  for (std::size_t i = 0; i < whole.samples.size(); ++i) {
    if (owner(static_cast<int>(i)) != rank) continue;
    part.samples.push_back(whole.samples[i]);
    if (!whole.kinds.empty()) part.kinds.push_back(whole.kinds[i]);
  }
  return part;
}

/// What a step should measure of each kind, by scoring its samples one by one before it.
std::vector<KindMetrics> by_kind(Learner& learner, const StepBatch& batch) {
  std::vector<KindMetrics> kinds(static_cast<std::size_t>(batch.kind_count));
  std::vector<double> fresh(kinds.size(), 0);
  for (std::size_t i = 0; i < batch.samples.size(); ++i) {
    const TrainingSample& sample = batch.samples[i];
    KindMetrics& kind = kinds[batch.kinds[i]];
    const std::vector<float> now = learner.score(sample);
    for (std::size_t t = 1; t < sample.ids.size(); ++t) {
      if (!sample.loss_mask[t]) continue;
      const double difference = static_cast<double>(sample.sampler_logprobs[t]) - now[t];
      ++kind.tokens;
      kind.approx_kl += difference;
      if (sample.version != batch.version - 1) continue;
      kind.gap_mean += std::abs(difference);
      ++fresh[batch.kinds[i]];
    }
  }
  for (std::size_t k = 0; k < kinds.size(); ++k) {
    kinds[k].approx_kl /= static_cast<double>(std::max<std::int64_t>(1, kinds[k].tokens));
    kinds[k].gap_mean /= std::max(1.0, fresh[k]);
    kinds[k].gap_tokens = static_cast<std::int64_t>(fresh[k]);
  }
  return kinds;
}

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  double largest = a.size() == b.size() ? 0 : INFINITY;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(a[i]) - b[i]));
  }
  return largest;
}

template <class Owner>
void compare(std::int32_t lora_rank, Owner owner) {
  const ModelFolder folder("data_parallel");
  const auto all = world();
  const auto alone = make_local_collectives();
  LoraConfig lora;
  lora.rank = lora_rank;
  const auto learner = make_learner(folder.path, optimizer(), coupled(), *all, lora);
  const auto reference = make_learner(folder.path, optimizer(), coupled(), *alone, lora);
  for (std::int64_t step = 1; step <= 3; ++step) {
    auto whole = make_batch(step, random_samples(static_cast<std::uint64_t>(step), 11, 2));
    whole.samples[2].version = -1;
    whole.kind_count = 4;  // of which the last one has no sample
    for (std::uint8_t i = 0; i < 11; ++i) whole.kinds.push_back(i % 3);
    const auto kinds = by_kind(*reference, whole);
    const auto metrics = learner->step(shard(whole, all->rank(), owner));
    const auto expected = reference->step(whole);
    REQUIRE(metrics.kinds.size() == 4);
    for (std::size_t k = 0; k < 4; ++k) {
      CHECK(metrics.kinds[k].tokens == kinds[k].tokens);
      CHECK(metrics.kinds[k].approx_kl == Approx(kinds[k].approx_kl).margin(1e-5));
      CHECK(metrics.kinds[k].gap_tokens == kinds[k].gap_tokens);
      CHECK(metrics.kinds[k].gap_mean == Approx(kinds[k].gap_mean).margin(1e-5));
    }
    CHECK(metrics.loss == Approx(expected.loss).margin(1e-6));
    CHECK(metrics.grad_norm == Approx(expected.grad_norm).epsilon(1e-5));
    CHECK(metrics.ratio_mean == Approx(expected.ratio_mean).epsilon(1e-6));
    CHECK(metrics.ratio_max == Approx(expected.ratio_max).epsilon(1e-5));
    CHECK(metrics.clip_fraction == Approx(expected.clip_fraction));
    CHECK(metrics.gap_mean == Approx(expected.gap_mean).epsilon(1e-5));
    CHECK(metrics.gap_max == Approx(expected.gap_max).epsilon(1e-5));
    CHECK(metrics.gap_tokens == expected.gap_tokens);
    CHECK(metrics.staleness_max == expected.staleness_max);
    CHECK(metrics.tokens == expected.tokens);
    CHECK(metrics.active_tokens == expected.active_tokens);
    CHECK(metrics.samples == 11);
  }
  auto mine = flatten(learner->parameters());
  CHECK(largest_difference(mine, flatten(reference->parameters())) < 1e-6);
  auto root = mine;
  all->broadcast(std::as_writable_bytes(std::span<float>(root)), 0);
  CHECK(mine == root);  // not only near: all ranks hold the same bits
}

}  // namespace

TEST_CASE("a batch cut over the ranks trains as on one") {
  const auto all = world();
  const int size = all->size();
  compare(0, [&](int i) { return i % size; });
  compare(4, [&](int i) { return i % size; });
}

TEST_CASE("both parts of a line on top of main train as on one rank") {
  const ModelFolder folder("data_parallel_stacked");
  const auto all = world();
  const auto alone = make_local_collectives();
  LoraConfig lora;
  lora.rank = 4;
  const auto make = [&](Collectives& ranks) {
    return make_learner(folder.path, optimizer(), coupled(), ranks, lora, "cpu", DType::f32, LineStack::on_main);
  };
  const auto learner = make(*all), reference = make(*alone);
  for (std::int64_t step = 1; step <= 3; ++step) {
    auto whole = make_batch(step, random_samples(static_cast<std::uint64_t>(step), 7, 2));
    whole.line = step == 2 ? "main" : "a";
    learner->step(shard(whole, all->rank(), [&](int i) { return i % all->size(); }));
    reference->step(whole);
  }
  auto mine = flatten(learner->state());
  CHECK(largest_difference(mine, flatten(reference->state())) < 1e-6);
  auto root = mine;
  all->broadcast(std::as_writable_bytes(std::span<float>(root)), 0);
  CHECK(mine == root);
}

TEST_CASE("an empty shard joins in") {
  const auto all = world();
  const int last = all->size() - 1;
  compare(0, [&](int) { return last; });
}

TEST_CASE("a sample that one rank refuses stops all of them, and nothing has moved") {
  const ModelFolder folder("refused");
  const auto all = world();
  const auto learner = make_learner(folder.path, optimizer(), coupled(), *all);
  const auto before = flatten(learner->parameters());
  auto whole = make_batch(1, random_samples(1, 8));
  whole.samples[0].advantages.clear();  // on rank 0
  CHECK_THROWS_AS(learner->step(shard(whole, all->rank(), [&](int i) { return i % all->size(); })), UserError);
  CHECK(flatten(learner->parameters()) == before);
  whole = make_batch(1, random_samples(1, 8));
  learner->step(shard(whole, all->rank(), [&](int i) { return i % all->size(); }));
  CHECK(flatten(learner->parameters()) != before);
}

TEST_CASE("a gradient that overflows on one rank is refused by all of them, and nothing has moved") {
  const ModelFolder folder("overflow_dp");
  const auto all = world();
  const auto learner = make_learner(folder.path, optimizer(), coupled(), *all);
  const auto before = flatten(learner->state());
  auto whole = make_batch(1, random_samples(1, 8));
  auto& huge = whole.samples[0];  // on rank 0
  for (std::size_t t = 0; t < huge.ids.size(); ++t)
    if (huge.loss_mask[t]) huge.advantages[t] = 3e38F;
  CHECK_THROWS_WITH(learner->step(shard(whole, all->rank(), [&](int i) { return i % all->size(); })),
                    Catch::Contains("not finite"));
  CHECK(flatten(learner->state()) == before);
}
