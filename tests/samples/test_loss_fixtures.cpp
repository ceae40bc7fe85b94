// Advantages and hint choice against the reference vectors (losses/).

#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "kernels/with_kernels.hpp"
#include "model/safetensors.hpp"
#include "prm/hint_choice.hpp"
#include "samples/advantage.hpp"
#include "samples/group_advantage.hpp"
#include "samples/topk_term.hpp"
#include "support/catch.hpp"
#include "support/fixtures.hpp"

using namespace clawrl;
using Json = nlohmann::json;
using Doubles = std::vector<double>;

namespace {

struct Losses {
  Json cases;
  SafetensorsFile file;
  Losses() : file(test::fixture("losses/losses.safetensors").string()) {
    std::ifstream stream(test::fixture("losses/losses.json"));
    cases = Json::parse(stream).at("cases");
  }
  const ParameterView& view(const std::string& name) const {
    const auto* found = file.find(name);
    INFO(name);
    REQUIRE(found);
    return *found;
  }
  template <class T>
  std::vector<T> read(const std::string& name) const {
    const auto& tensor = view(name);
    REQUIRE(size_of(tensor.type) == sizeof(T));
    std::vector<T> values(static_cast<std::size_t>(tensor.elements()));
    std::memcpy(values.data(), tensor.data, tensor.bytes());
    return values;
  }
  Doubles f64(const std::string& name) const { return read<double>(name); }
  std::vector<std::int64_t> i64(const std::string& name) const { return read<std::int64_t>(name); }
};

void same(const Doubles& mine, const Doubles& reference, double tolerance = 1e-10) {
  REQUIRE(mine.size() == reference.size());
  for (std::size_t i = 0; i < mine.size(); ++i) {
    INFO("element " << i);
    CHECK(std::abs(mine[i] - reference[i]) <= tolerance);
  }
}

Doubles log_softmax(const double* logits, std::size_t n) {
  double highest = logits[0], total = 0;
  for (std::size_t i = 0; i < n; ++i) highest = std::max(highest, logits[i]);
  for (std::size_t i = 0; i < n; ++i) total += std::exp(logits[i] - highest);
  Doubles values(logits, logits + n);
  for (auto& value : values) value -= highest + std::log(total);
  return values;
}

std::vector<TokenId> token_ids(const std::vector<std::int64_t>& values) {
  return {values.begin(), values.end()};
}

/// [T,V] advantages and weights of one subset; the weights come from a difference that the clip holds at C everywhere.
void compare_subset(const Losses& losses, const std::string& name, const std::string& subset, std::size_t hint,
                    double clip) {
  const auto& shape = losses.view(name + ".logits_teacher").shape;
  const auto tokens = static_cast<std::size_t>(shape[1]), vocabulary = static_cast<std::size_t>(shape[2]);
  const auto old_logits = losses.f64(name + ".logits_old"), teacher_logits = losses.f64(name + ".logits_teacher");
  const auto mask = losses.i64(name + "." + subset + ".subset_mask");
  Doubles advantages, weights;
  for (std::size_t t = 0; t < tokens; ++t) {
    const auto old = log_softmax(&old_logits[t * vocabulary], vocabulary);
    const auto teacher = log_softmax(&teacher_logits[(hint * tokens + t) * vocabulary], vocabulary);
    std::vector<std::uint8_t> inside(mask.begin() + static_cast<std::ptrdiff_t>(t * vocabulary),
                                     mask.begin() + static_cast<std::ptrdiff_t>((t + 1) * vocabulary));
    Doubles row(vocabulary), above(vocabulary, 1e3);
    topk_advantages<double>(old, teacher, inside, clip, row);
    advantages.insert(advantages.end(), row.begin(), row.end());
    topk_advantages<double>(old, above, inside, 1.0, row);
    weights.insert(weights.end(), row.begin(), row.end());
  }
  same(advantages, losses.f64(name + "." + subset + ".advantage"));
  same(weights, losses.f64(name + "." + subset + ".weights"));
}

void compare_hint_case(const Losses& losses, const Json& one) {
  const std::string name = one.at("name");
  const auto& shape = losses.view(name + ".teacher_topk").shape;  // [H,T,K]
  const auto hints = static_cast<std::size_t>(shape[0]), tokens = static_cast<std::size_t>(shape[1]);
  const auto student = token_ids(losses.i64(name + ".student_topk"));
  const auto teacher = token_ids(losses.i64(name + ".teacher_topk"));
  std::vector<TeacherScores> candidates(hints);
  std::vector<std::int64_t> overlap;
  for (std::size_t h = 0; h < hints; ++h) {
    const auto size = static_cast<std::ptrdiff_t>(teacher.size() / hints);
    const auto begin = static_cast<std::ptrdiff_t>(h) * size;
    candidates[h].topk_ids.assign(teacher.begin() + begin, teacher.begin() + begin + size);
    for (auto n : topk_overlap(student, candidates[h].topk_ids, tokens)) overlap.push_back(n);
  }
  CHECK(overlap == losses.i64(name + ".overlap"));
  std::vector<std::int64_t> sums(hints, 0);
  for (std::size_t i = 0; i < overlap.size(); ++i) sums[i / tokens] += overlap[i];
  CHECK(sums == losses.i64(name + ".overlap_sum"));
  const std::vector<std::string> texts(hints, "hint");
  const auto chosen = losses.i64(name + ".chosen_hint").front();
  CHECK(choose_hint("sequence", texts, candidates, student, tokens).hint == chosen);
  const auto per_token = choose_hint("token", texts, candidates, student, tokens).per_token;
  CHECK(std::vector<std::int64_t>(per_token.begin(), per_token.end()) == losses.i64(name + ".token_optimal_hint"));
  for (const std::string subset : {"student", "teacher", "overlap"})
    compare_subset(losses, name, subset, static_cast<std::size_t>(chosen), one.at("C").get<double>());
}

/// Rows [B,T] of an opd or combined case through the registered method, in float.
void compare_token_case(const Losses& losses, const Json& one, const std::string& method) {
  const std::string name = one.at("name");
  const auto& shape = losses.view(name + ".logp_old").shape;
  const auto old = losses.f64(name + ".logp_old"), teacher = losses.f64(name + ".logp_teacher");
  const auto width = static_cast<std::size_t>(shape[1]);
  Doubles advantages;
  for (std::size_t b = 0; b < static_cast<std::size_t>(shape[0]); ++b) {
    Turn turn;
    Verdict verdict;
    SamplesConfig settings;
    for (std::size_t t = 0; t < width; ++t) {
      turn.completion.ids.push_back(1);
      turn.completion.logprobs.push_back(static_cast<float>(old[b * width + t]));
      verdict.teacher.logprobs.push_back(static_cast<float>(teacher[b * width + t]));
    }
    verdict.chosen_hint = 0;
    if (method == "combined") {
      verdict.score = static_cast<std::int8_t>(losses.f64(name + ".reward")[b]);
      settings.w_binary = one.at("w_rl").get<double>();
      settings.w_opd = one.at("w_opd").get<double>();
    }
    for (float a : find_advantage(method)({turn, verdict, settings}).tokens) advantages.push_back(a);
  }
  auto reference = losses.f64(name + ".advantages");
  const auto mask = losses.f64(name + ".mask");  // a sample of ours holds no masked response token
  for (std::size_t i = 0; i < mask.size(); ++i)
    if (mask[i] == 0) advantages[i] = reference[i] = 0;
  same(advantages, reference, 1e-5);
}

void compare_step_case(const Losses& losses, const std::string& name) {
  const auto& shape = losses.view(name + ".votes").shape;  // [E,S,M]
  const auto steps = static_cast<std::size_t>(shape[1]), votes_per_step = static_cast<std::size_t>(shape[2]);
  const auto votes = losses.f64(name + ".votes"), outcome = losses.f64(name + ".outcome");
  const auto counts = losses.i64(name + ".num_steps");
  std::vector<EpisodeRewards> episodes;
  for (std::size_t e = 0; e < outcome.size(); ++e) {
    episodes.push_back({outcome[e], {}});
    for (std::size_t j = 0; j < static_cast<std::size_t>(counts[e]); ++j) {
      const auto* begin = &votes[(e * steps + j) * votes_per_step];
      episodes.back().votes.emplace_back(begin, begin + votes_per_step);
    }
  }
  auto compare = [&](const std::vector<Doubles>& mine, const std::string& field) {
    const auto reference = losses.f64(name + "." + field);
    for (std::size_t e = 0; e < mine.size(); ++e)
      for (std::size_t j = 0; j < mine[e].size(); ++j) CHECK(std::abs(mine[e][j] - reference[e * steps + j]) <= 1e-10);
  };
  compare(step_rewards(episodes), "step_reward");
  compare(step_index_advantages(episodes, Deviation::sample), "adv_ddof1");
  compare(step_index_advantages(episodes, Deviation::population), "adv_ddof0");
}

}  // namespace

TEST_CASE_METHOD(test::WithKernels, "advantages and hint choice agree with the reference") {
  const Losses losses;
  std::map<std::string, std::size_t> compared;
  for (const auto& one : losses.cases) {
    const std::string kind = one.at("kind"), name = one.at("name");
    INFO(one.dump());
    if (kind == "grpo") {
      const auto rewards = losses.f64(name + ".rewards");
      same(group_advantages(rewards, Deviation::sample), losses.f64(name + ".adv_ddof1"));
      same(group_advantages(rewards, Deviation::population), losses.f64(name + ".adv_ddof0"));
      same(group_advantages(rewards, Deviation::none), losses.f64(name + ".adv_mean_only"));
    } else if (kind == "step_index") {
      compare_step_case(losses, name);
    } else if (kind == "opd" || kind == "combined") {
      compare_token_case(losses, one, kind);
    } else if (kind == "hint_select") {
      compare_hint_case(losses, one);
    } else {
      continue;
    }
    ++compared[kind];
  }
  for (const auto& [kind, cases] : compared) test::compared(kind, cases);
  CHECK(compared.size() == 5);
}
