// Weight sets: shadows, publishing, discarding, mixed versions in one step; gradients into the flat buffer.
#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <thread>

#include "model/torch/transformer.hpp"
#include "model_cases.hpp"
#include "random_model.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

void fill(Policy& policy, std::int64_t version, const RandomModel& model) {
  const auto source = parameter_views(weight_layout(model.config), model.flat);
  const auto shadow = policy.shadow(version);
  REQUIRE(shadow.size() == source.size());
  for (std::size_t i = 0; i < shadow.size(); ++i) {
    REQUIRE(shadow[i].name == source[i].name);
    convert(source[i], shadow[i]);
  }
}

std::vector<float> alone(const RandomModel& model, const std::vector<TokenId>& ids) {
  auto policy = make_policy(model.path.string());
  Feeder feeder(*policy, 16, 8);
  CachedSequence sequence;
  return feeder.logits(sequence, ids);
}

}  // namespace

TEST_CASE("a published version serves new steps, versions mix in one step, discard frees") {
  const RandomModel first(1), second(2);
  auto policy = make_policy(first.path.string());
  Feeder feeder(*policy, 64, 8);
  const auto ids = some_ids(21, 1), other = some_ids(9, 2);
  const auto of_first = alone(first, ids), of_second = alone(second, ids), other_second = alone(second, other);
  REQUIRE(gap(of_first, of_second) > 1e-2);

  std::thread filler([&] { fill(*policy, 4, second); });
  filler.join();
  CHECK(policy->versions() == std::vector<std::int64_t>{0});
  CachedSequence before{0, {}, 0};
  CHECK(gap(feeder.logits(before, ids), of_first) < 1e-6);
  CachedSequence hidden_still{4, {}, 0};
  CHECK_THROWS_WITH(feeder.logits(hidden_still, ids), Catch::Contains("version 4"));

  policy->publish(4);
  CHECK(policy->versions() == std::vector<std::int64_t>{0, 4});
  CachedSequence old_one{0, {}, 0}, new_one{4, {}, 0}, quiet{0, {}, 0}, another{4, {}, 0};
  const Feed feeds[] = {{&new_one, ids, true}, {&old_one, ids, true}, {&quiet, other, false}, {&another, other, true}};
  const auto rows = feeder.step(feeds);
  REQUIRE(rows.size() == 3);
  CHECK(gap(rows[0], of_second) < 1e-5);
  CHECK(gap(rows[1], of_first) < 1e-5);
  CHECK(gap(rows[2], other_second) < 1e-5);

  const auto views = policy->parameters(4);
  CHECK(views.size() == weight_layout(first.config).slots.size());
  CHECK(std::memcmp(views[0].data, second.flat.const_data_ptr(), views[0].bytes()) == 0);
  CHECK_THROWS_AS(policy->shadow(4), InternalError);
  CHECK_THROWS_AS(policy->publish(9), InternalError);
  policy->discard(0);
  policy->discard(77);
  CHECK(policy->versions() == std::vector<std::int64_t>{4});
  CHECK_THROWS_WITH(policy->parameters(0), Catch::Contains("version 0"));
  policy->shadow(5);
  policy->discard(5);
  CHECK_THROWS_AS(policy->publish(5), InternalError);
}

TEST_CASE("a sequence that reaches the same length in any chunks gives the same logits") {
  const RandomModel model(3, false);
  auto policy = make_policy(model.path.string());
  Feeder feeder(*policy, 128, 5);
  const auto ids = some_ids(70, 4);
  CachedSequence whole_sequence;
  const auto expected = feeder.logits(whole_sequence, ids);
  for (const std::size_t chunk : {1, 2, 15, 16, 33, 69}) {
    CachedSequence sequence;
    std::vector<float> row;
    for (std::size_t at = 0; at < ids.size(); at += chunk)
      row = feeder.logits(sequence, std::span(ids).subspan(at, std::min(chunk, ids.size() - at)));
    INFO("chunks of " << chunk);
    CHECK(gap(row, expected) < 1e-5);
  }
}

TEST_CASE("a sequence decodes to the same bits alone and in company") {
  const RandomModel model(9);
  auto policy = make_policy(model.path.string());
  Feeder feeder(*policy, 256, 8);
  const auto prompt = some_ids(12, 3);
  CachedSequence alone_sequence, shared;
  std::vector<CachedSequence> company(10);
  for (auto* s : {&alone_sequence, &shared}) feeder.logits(*s, prompt);
  for (std::size_t i = 0; i < company.size(); ++i) feeder.logits(company[i], some_ids(i + 1, i));
  for (std::size_t step = 0; step < 20; ++step) {
    const auto token = some_ids(1, step);
    const auto expected = feeder.logits(alone_sequence, token);
    std::vector<Feed> feeds;
    for (std::size_t i = 0; i < company.size(); ++i) {
      feeds.push_back({&company[i], token, true});
      if (i == step % company.size()) feeds.push_back({&shared, token, true});
    }
    CHECK(feeder.step(feeds)[step % company.size() + 1] == expected);
  }
}

TEST_CASE("wrong block tables and token ids are caught before memory is touched") {
  const RandomModel model(5);
  auto policy = make_policy(model.path.string());
  const std::vector<TokenId> ids{1, 2, 3}, unknown{96};
  const std::vector<std::int32_t> table{0}, outside{4};
  const SequenceStep good{0, ids, 0, table, true};
  CHECK_THROWS_AS(policy->step({&good, 1}), InternalError);  // no cache yet
  policy->allocate_cache(4, 4);
  CHECK(policy->step({&good, 1}).size() == 96);
  const SequenceStep late{0, ids, 2, table, true}, beyond{0, ids, 0, outside, true}, odd{0, unknown, 0, table, true};
  for (const auto& bad : {late, beyond, odd}) CHECK_THROWS_AS(policy->step({&bad, 1}), InternalError);
}

TEST_CASE("gradients land in the flat buffer at their parameter's place") {
  for (const bool tied : {true, false}) {
    const auto config = tiny(tied);
    const auto layout = weight_layout(config);
    const auto flat = random_weights(config, 6);
    CHECK(at::equal(flat, random_weights(config, 6)));
    auto weights = bind_weights(config, flat);
    const auto gradient = at::zeros_like(flat);
    track_gradients(config, weights, gradient);
    Transformer transformer(config);
    const auto ids = at::tensor(some_ids(22, 7), at::kLong), targets = at::tensor(some_ids(22, 8), at::kLong);
    auto loss = [&] {
      PaddedAttention attention(2, 11);
      const auto hidden = transformer.hidden(weights, ids, at::arange(11).repeat({2}), attention);
      return -at::log_softmax(transformer.logits(weights, hidden), -1).gather(1, targets.unsqueeze(1)).mean();
    };
    torch::autograd::backward({loss()});
    const auto twice = gradient.clone();
    torch::autograd::backward({loss()});
    CHECK(at::allclose(gradient, 2 * twice, 1e-5, 1e-8));
    const at::NoGradGuard no_grad;
    for (const auto& slot : layout.slots) {  // a small step along a parameter's gradient moves the loss as predicted
      auto parameter = slot_tensor(slot, flat);
      const auto direction = slot_tensor(slot, twice);
      const double squared = direction.square().sum().item<double>(), step = 2e-3 / std::sqrt(squared);
      parameter.add_(direction, step);
      const double up = loss().item<double>();
      parameter.add_(direction, -2 * step);
      const double down = loss().item<double>();
      parameter.add_(direction, step);
      INFO(slot.name);
      CHECK((up - down) / (2 * step) == Approx(squared).epsilon(0.05).margin(2e-4 / step));
    }
  }
}
