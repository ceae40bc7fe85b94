// Many adapters in one step: each row gets its own, whoever shares the batch; what a version holds and when it goes.
#include <ATen/ATen.h>

#include <atomic>
#include <random>
#include <thread>

#include "core/error.hpp"
#include "model/merge.hpp"
#include "model/torch/lora.hpp"
#include "model/torch/low_rank.hpp"
#include "model_cases.hpp"
#include "random_model.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

std::vector<float> random_floats(std::int64_t count, unsigned seed, float bound = 1) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> values(-bound, bound);
  std::vector<float> result(static_cast<std::size_t>(count));
  for (auto& x : result) x = values(random);
  return result;
}

// A and B both random: an adapter that changes every logit.
at::Tensor random_adapter(const ModelConfig& config, const LoraConfig& lora, unsigned seed) {
  const auto flat = at::zeros({lora_layout(config, lora).size}, at::kFloat);
  for (const auto& view : parameter_views(lora_layout(config, lora), flat)) {
    const auto values = random_floats(view.elements(), ++seed, view.name.ends_with("A.weight") ? 0.3F : 0.1F);
    std::memcpy(view.data, values.data(), view.bytes());
  }
  return flat;
}

void publish(Policy& policy, const LoraConfig& lora, std::int64_t version) {
  const auto flat = random_adapter(policy.config(), lora, static_cast<unsigned>(1000 * version));
  const auto source = parameter_views(lora_layout(policy.config(), lora), flat), shadow = policy.shadow(version);
  REQUIRE(shadow.size() == source.size());
  for (std::size_t i = 0; i < shadow.size(); ++i) convert(source[i], shadow[i]);
  policy.publish(version);
}

// The same version as a model of its own.
std::unique_ptr<Policy> merged(const RandomModel& base, const LoraConfig& lora, std::int64_t version) {
  RandomModel model(900 + static_cast<std::uint64_t>(version));
  model.flat.copy_(base.flat);
  const auto views = parameter_views(weight_layout(model.config), model.flat);
  const auto flat = random_adapter(model.config, lora, static_cast<unsigned>(1000 * version));
  merge_adapter(model.config, views, lora, parameter_views(lora_layout(model.config, lora), flat));
  save_weights(model.path.string(), model.config, views);
  return make_policy(model.path.string());
}

struct Shape {
  std::int64_t rank, size, columns;
};

}  // namespace

TEST_CASE("the low-rank kernel adds scale B A x, the same bits for a row alone and among others") {
  std::vector<Shape> shapes{{24, 16, 40}, {33, 8, 9}};
  for (std::int64_t rank = 1; rank <= 17; ++rank) shapes.push_back({rank, 8 * (1 + rank % 5), 3 * rank + 2});
  for (const auto [rank, size, columns] : shapes) {
    constexpr std::int64_t rows = 7;
    const auto a = random_floats(rank * size, 1), b = random_floats(columns * rank, 2),
               x = random_floats(rows * size, 3);
    const auto stride = columns + 3;
    const auto before = random_floats(rows * stride, 4);
    auto together = before, alone = before;
    const kernels::LowRank adapter{a.data(), b.data(), rank, size, columns, 0.75F};
    kernels::add_low_rank(adapter, rows, x.data(), together.data(), stride);
    for (std::int64_t r = 0; r < rows; ++r)
      kernels::add_low_rank(adapter, 1, x.data() + r * size, alone.data() + r * stride, stride);
    INFO("rank " << rank << " size " << size << " columns " << columns);
    CHECK(together == alone);
    const auto of = [](const std::vector<float>& v, std::int64_t r, std::int64_t c) {
      return at::from_blob(const_cast<float*>(v.data()), {r, c}).to(at::kDouble);
    };
    auto expected = of(before, rows, stride);
    expected.narrow(1, 0, columns) += 0.75 * of(x, rows, size).mm(of(a, rank, size).t()).mm(of(b, columns, rank).t());
    CHECK((of(together, rows, stride) - expected).abs().max().item<double>() < 1e-5 * static_cast<double>(rank));
    CHECK(at::equal(of(together, rows, stride).narrow(1, columns, 3), of(before, rows, stride).narrow(1, columns, 3)));
  }
}

TEST_CASE("a sequence decodes to the same bits among many adapters as alone") {
  for (const std::int32_t rank : {1, 3, 8, 16}) {
    const RandomModel model(20 + static_cast<std::uint64_t>(rank));
    const LoraConfig lora{rank, 16};
    auto policy = make_policy(model.path.string(), "cpu", lora);
    constexpr std::int64_t versions = 9;
    for (std::int64_t v = 1; v <= versions; ++v) publish(*policy, lora, v);
    Feeder feeder(*policy, 512, 8);
    std::vector<CachedSequence> together, alone;
    for (std::int64_t i = 0; i < 2 * versions + 2; ++i)  // 0 is the base; versions alternate in the batch
      together.push_back({(i * 7) % (versions + 1), {}, 0});
    alone = together;
    for (std::size_t step = 0; step < 6; ++step) {
      std::vector<std::vector<TokenId>> ids;
      for (std::size_t i = 0; i < together.size(); ++i) ids.push_back(some_ids(1 + (step == 0 ? i % 4 : 0), i + step));
      std::vector<Feed> feeds;
      for (std::size_t i = 0; i < together.size(); ++i) feeds.push_back({&together[i], ids[i], (i + step) % 5 != 0});
      const auto rows = feeder.step(feeds);
      std::size_t row = 0;
      for (std::size_t i = 0; i < together.size(); ++i) {
        const auto expected = feeder.logits(alone[i], ids[i]);
        if ((i + step) % 5 == 0) continue;
        INFO("rank " << rank << " step " << step << " sequence " << i);
        CHECK(rows.at(row++) == expected);
      }
      CHECK(row == rows.size());
    }
  }
}

TEST_CASE("prefill and decode of several adapters in one step are those of the merged models") {
  for (const auto& targets : {LoraConfig().targets, {"q_proj", "down_proj"}, {"v_proj", "gate_proj"}}) {
    const RandomModel model(31);
    const LoraConfig lora{6, 4, targets};
    auto policy = make_policy(model.path.string(), "cpu", lora);
    for (const std::int64_t version : {2, 5}) publish(*policy, lora, version);
    const auto second = merged(model, lora, 2), fifth = merged(model, lora, 5), base = make_policy(model.path.string());
    Feeder feeder(*policy, 128, 8), of_second(*second, 64, 8), of_fifth(*fifth, 64, 8), of_base(*base, 64, 8);
    const auto longer = some_ids(90, 1), shorter = some_ids(20, 2), token = some_ids(1, 3);
    CachedSequence five{5, {}, 0}, two{2, {}, 0}, none{0, {}, 0}, alone_five, alone_two, alone_none;
    feeder.logits(two, shorter);
    of_second.logits(alone_two, shorter);
    const Feed feeds[] = {{&five, longer, true}, {&two, token, true}, {&none, shorter, true}};
    const auto rows = feeder.step(feeds);
    CHECK(gap(rows[0], of_fifth.logits(alone_five, longer)) < 1e-4);
    CHECK(gap(rows[1], of_second.logits(alone_two, token)) < 1e-4);
    CHECK(gap(rows[2], of_base.logits(alone_none, shorter)) < 1e-4);
    CachedSequence plain;
    CHECK(gap(rows[0], of_base.logits(plain, longer)) > 1e-2);

    ScoreRequest request{longer, 1, 1.0F, 0, 0, {}, {}};
    const auto scored = policy->score(5, {&request, 1}), wanted = fifth->score(0, {&request, 1});
    CHECK(gap(scored[0].logprobs, wanted[0].logprobs) < 1e-4);
  }
}

TEST_CASE("an adapter version holds the adapter only, and version 0 names the base too") {
  const RandomModel model(40);
  const LoraConfig lora{3, 16, {"k_proj", "up_proj"}};
  auto policy = make_policy(model.path.string(), "cpu", lora);
  publish(*policy, lora, 1);
  const auto layout = lora_layout(model.config, lora);
  const auto views = policy->parameters(1);
  REQUIRE(views.size() == layout.slots.size());
  const auto flat = random_adapter(model.config, lora, 1000);
  for (std::size_t i = 0; i < views.size(); ++i) {
    CHECK(views[i].name == layout.slots[i].name);
    CHECK(std::memcmp(views[i].data, slot_tensor(layout.slots[i], flat).const_data_ptr(), views[i].bytes()) == 0);
  }
  CHECK(policy->parameters(0).size() == weight_layout(model.config).slots.size());
}

TEST_CASE("versions come and go while steps run") {
  const RandomModel model(41);
  const LoraConfig lora{4, 16};
  auto policy = make_policy(model.path.string(), "cpu", lora);
  for (const std::int64_t version : {1, 2}) publish(*policy, lora, version);
  Feeder feeder(*policy, 512, 8);
  const auto prompt = some_ids(9, 1);
  CachedSequence first{1, {}, 0}, second{2, {}, 0};
  const auto expected_first = feeder.logits(first, prompt), expected_second = feeder.logits(second, prompt);
  std::atomic<bool> stop = false;
  std::thread publisher([&] {
    for (std::int64_t version = 3; !stop; ++version) {
      policy->shadow(version);
      policy->publish(version);
      policy->discard(version);
    }
  });
  for (int i = 0; i < 40; ++i) {
    CachedSequence one{1, first.blocks, 0}, two{2, second.blocks, 0};
    const Feed feeds[] = {{&two, prompt, true}, {&one, prompt, true}};
    const auto rows = feeder.step(feeds);
    CHECK((rows[0] == expected_second && rows[1] == expected_first));
  }
  std::atomic<int> served = 0;
  std::thread retire([&] {
    while (served < 3) std::this_thread::yield();
    policy->discard(1);
  });
  bool gone = false;
  for (; !gone; ++served) {  // a step has the version or does not; it never loses it half way
    CachedSequence one{1, first.blocks, 0};
    try {
      const auto row = feeder.logits(one, prompt);
      CHECK(row == expected_first);
    } catch (const UserError& error) {
      CHECK_THAT(error.what(), Catch::Contains("version 1"));
      gone = true;
    }
  }
  stop = true;
  publisher.join();
  retire.join();
  CachedSequence two{2, second.blocks, 0};
  CHECK(feeder.logits(two, prompt) == expected_second);
}
