#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>
#include <map>
#include <optional>

#include "comm/collectives.hpp"
#include "core/error.hpp"
#include "core/line_tensors.hpp"
#include "model/peft_folder.hpp"
#include "model/torch/transformer.hpp"
#include "trainer/learner.hpp"
#include "trainer/sample_validation.hpp"
#include "trainer/torch/micro_batch.hpp"
#include "trainer/torch/stacked_adapters.hpp"
#include "trainer/torch/step_statistics.hpp"
#include "trainer/torch/token_logprobs.hpp"
#include "trainer/torch/trained_set.hpp"

namespace clawrl {
namespace {

constexpr std::uint64_t kAdapterSeed = 1, kUpperSeed = 2;  // alike, two adapters would move as one
const std::string kMain = "main";

at::Device parse_device(const std::string& name) {
  try {
    return at::Device(name);
  } catch (const c10::Error&) {
    throw UserError("device '" + name + "' is not known; allowed: cpu, cuda:N");
  }
}

/// What a policy line trains is one flat buffer (all weights, or the adapter), with the moments beside it in the same
/// layout. The gradient is shared: a step is of one line. Where lines stand on main, forward and backward see the two
/// in a buffer of the stack's own (stacked_adapters.hpp), from which the gradient goes back to each.
///
///   parameters   [ matrices .......... | vectors .. ]   the transformer's tensors are views of it, or, in bf16, of
///   seen_        [ ..................... ]              the same with rounded matrices
///   gradient_    [ ..................... ]              backward() adds into views of it; one reduction over the ranks
///   m, v         [ ..................... ]              a few vector operations update everything
class TorchLearner final : public Learner {
 public:
  TorchLearner(std::shared_ptr<const WeightImage> image, const OptimizerSettings& optimizer, const LossSettings& loss,
               Collectives& collectives, const LoraConfig& asked, const std::string& device, DType type,
               LineStack lines)
      : config_(image->config()),
        optimizer_(optimizer),
        loss_settings_(loss),
        loss_(find_loss(loss.name)),
        aggregation_(parse_aggregation(loss.aggregation)),
        collectives_(collectives),
        device_(parse_device(device)),
        limits_(micro_batch_limits(config_, device_)),
        transformer_(config_),
        lora_(resolve_lora(asked)) {
    if (lora_.rank > 0) {
      require(lora_.dropout == 0, lora_.adapter + ": lora_dropout is not 0; training allows only 0");
      expect(image->matrix_type() == type, "LoRA training sees the base as its image holds it");
      weights_ = bind_weights(config_, flat_weights(image, device_));
      layout_ = lora_layout(config_, lora_);
      const bool fresh = lora_.adapter.empty();
      start_ = (fresh ? random_lora(config_, lora_, kAdapterSeed) : load_lora(config_, lora_)).to(device_);
      if (lines == LineStack::on_main) {
        stack_.emplace(config_, lora_, device_);
        upper_start_ = random_lora(config_, lora_, kUpperSeed).to(device_);
      }
      gradient_ = stack_ ? stack_->gradient() : at::zeros_like(start_);
      add_line(kMain);
    } else {
      layout_ = weight_layout(config_);
      at::Tensor masters = copy_masters(layout_, std::move(image), device_);
      TrainedSet& all = lines_.try_emplace(kMain, layout_, std::move(masters), optimizer_).first->second;
      if (type == DType::bf16) seen_ = at::empty_like(all.parameters);
      refresh_seen(all);
      weights_ = bind_weights(config_, seen_.defined() ? seen_ : all.parameters);
      gradient_ = at::zeros_like(all.parameters);
      track_gradients(config_, weights_, gradient_);
    }
  }

  StepMetrics step(const StepBatch& batch) override {
    const auto start = std::chrono::steady_clock::now();
    add_line(batch.line);
    TrainedSet& line = select(batch.line);
    line.stepped();
    if (stack_) find(kMain).stepped();
    gradient_.zero_();
    StepStatistics statistics(batch.kind_count);
    std::exception_ptr failure;
    try {
      accumulate(batch, statistics);
    } catch (...) {  // the other ranks must not wait for this one: they are told below
      failure = std::current_exception();
      statistics.fail();
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    statistics.combine(collectives_, seconds.count());
    if (failure) std::rethrow_exception(failure);
    const std::string name = "step " + std::to_string(batch.step);
    require(!statistics.failed(), name + ": another trainer rank refused its part of the batch; see its message");
    require(statistics.active_tokens() == batch.global_active_tokens,
            name + ": the shards hold " + std::to_string(statistics.active_tokens()) +
                " trained tokens, the batch says " + std::to_string(batch.global_active_tokens));
    StepMetrics metrics;
    statistics.fill(metrics);
    metrics.step = batch.step;
    metrics.version = batch.version;
    update(line, batch, metrics);
    const std::chrono::duration<double> total = std::chrono::steady_clock::now() - start;
    metrics.seconds = std::max(metrics.seconds, total.count());  // the slowest forward and backward, or this rank's all
    return metrics;
  }

  std::vector<float> score(const TrainingSample& sample) override {
    select(sample.line);
    at::NoGradGuard no_grad;
    TrainingSample all = sample;
    all.loss_mask.assign(sample.ids.size(), 1);
    if (!all.loss_mask.empty()) all.loss_mask[0] = 0;
    all.reference_logprobs.clear();
    validate(all, config_.vocab_size, false, false);
    std::vector<float> result(sample.ids.size(), 0.0F);
    if (result.size() < 2) return result;
    PackContext context;
    context.uses_sampler = false;
    context.active_tokens = context.samples = 1;
    const at::Tensor logprobs = forward(pack({&all}, context, device_)).to(at::kCPU).contiguous();
    std::copy_n(logprobs.data_ptr<float>(), logprobs.numel(), result.begin() + 1);
    return result;
  }

  std::vector<ParameterView> parameters(const std::string& line) override {
    if (!stack_) return find(line).views();
    select(line);
    return stack_->views();
  }

  std::vector<ParameterView> state() override {
    std::vector<ParameterView> all;
    for (auto& [name, line] : lines_)
      for (ParameterView& view : line.state(line_prefix(name))) all.push_back(std::move(view));
    return all;
  }

  void add_line(const std::string& name) override {
    if (lines_.contains(name)) return;
    require(lora_.rank > 0, "policy line " + name + ": lines besides main need LoRA (trainer.lora_rank > 0)");
    const at::Tensor& start = stack_ && name != kMain ? upper_start_ : start_;
    TrainedSet& line = lines_.try_emplace(name, layout_, start.clone(), optimizer_).first->second;
    if (stack_) return;
    line.lora = bind_lora(config_, lora_, line.parameters);
    track_lora_gradients(config_, lora_, line.lora, gradient_);
  }

  void drop_line(const std::string& name) override {
    if (name != kMain) lines_.erase(name);
  }

  const ModelConfig& config() const override { return config_; }

 private:
  TrainedSet& find(const std::string& name) {
    const auto found = lines_.find(name);
    require(found != lines_.end(), "the trainer has no policy line " + name);
    return found->second;
  }

  /// Forward and backward see this line from now on.
  TrainedSet& select(const std::string& name) {
    TrainedSet& line = find(name);
    if (line.upload()) refresh_seen(line);
    if (stack_) {
      TrainedSet& main = find(kMain);
      main.upload();
      stack_->put(main.parameters, name == kMain ? at::Tensor() : line.parameters);
    }
    if (lora_.rank > 0) weights_.lora = stack_ ? stack_->lora() : line.lora;
    return line;
  }

  /// Log-probs [N,1+K] of the micro-batch's targets.
  at::Tensor forward(const MicroBatch& batch) {
    PaddedAttention attention(batch.batch, batch.length);
    const at::Tensor hidden = transformer_.hidden(weights_, batch.ids, batch.positions, attention);
    return token_logprobs(hidden.index_select(0, batch.rows), weights_.lm_head, batch.targets, batch.temperature,
                          batch.masks);
  }

  void accumulate(const StepBatch& batch, StepStatistics& statistics) {
    const PackContext context{aggregation_,         batch.global_active_tokens,
                              batch.global_samples, batch.held_version.value_or(batch.version - 1),
                              loss_.uses_sampler,   batch.samples,
                              batch.kinds};
    const bool needs_reference = loss_.uses_sampler && loss_settings_.kl_beta != 0;
    for (const auto& sample : batch.samples) {
      validate(sample, config_.vocab_size, loss_.uses_sampler, needs_reference);
      statistics.add_sample(sample, context.version);
    }
    for (const auto& group : plan_micro_batches(batch.samples, config_.vocab_size, limits_)) {
      MicroBatch micro = pack(group, context, device_);
      const at::Tensor logprobs = forward(micro);
      micro.loss.logprobs = logprobs.select(1, 0);
      if (micro.width() > 0) micro.loss.topk_logprobs = logprobs.narrow(1, 1, micro.width());
      const LossOutput output = loss_.compute(micro.loss, loss_settings_);
      statistics.add_micro_batch(micro, micro.loss.logprobs.detach(), output, loss_.uses_sampler);
      output.loss.backward();
    }
  }

  /// Collective: sums the gradient, clips it by its global norm and updates the line's parameters, and main's below.
  void update(TrainedSet& line, const StepBatch& batch, StepMetrics& metrics) {
    at::NoGradGuard no_grad;
    reduce_gradient();
    metrics.grad_norm = at::linalg_vector_norm(gradient_, 2, {}, false, at::kDouble).item<double>();
    metrics.learning_rate = learning_rate(optimizer_, batch.line_step.value_or(batch.step));
    require(std::isfinite(metrics.grad_norm) && std::isfinite(metrics.loss),
            "step " + std::to_string(batch.step) + ": loss or gradient is not finite (loss " +
                std::to_string(metrics.loss) + ", gradient norm " + std::to_string(metrics.grad_norm) +
                "); the weights are left as they were");
    const double coefficient = optimizer_.max_grad_norm / (metrics.grad_norm + 1e-6);
    if (optimizer_.max_grad_norm > 0 && coefficient < 1) gradient_.mul_(coefficient);
    if (stack_) return update_both(batch, metrics.learning_rate);
    line.adam.step(gradient_, metrics.learning_rate);
    refresh_seen(line);
  }

  void update_both(const StepBatch& batch, double rate) {
    find(kMain).adam.step(stack_->gradient_of(StackedAdapters::lower), learning_rate(optimizer_, batch.step));
    if (batch.line != kMain) find(batch.line).adam.step(stack_->gradient_of(StackedAdapters::upper), rate);
  }

  /// Training in bf16: what forward and backward see of the masters, rounded as a sampler rounds what is published.
  void refresh_seen(const TrainedSet& all) {
    if (!seen_.defined()) return;
    at::NoGradGuard no_grad;
    seen_.copy_(all.parameters);
    constexpr std::int64_t piece = 1 << 20;
    for (std::int64_t begin = 0; begin < layout_.matrices; begin += piece) {
      at::Tensor part = seen_.narrow(0, begin, std::min(piece, layout_.matrices - begin));
      part.copy_(part.to(at::kBFloat16));
    }
  }

  void reduce_gradient() {
    if (collectives_.size() == 1) return;
    at::Tensor local = gradient_.to(at::kCPU);  // the same tensor on a CPU
    collectives_.sum(std::span<float>(local.data_ptr<float>(), static_cast<std::size_t>(local.numel())));
    if (!device_.is_cpu()) gradient_.copy_(local);
  }

  ModelConfig config_;
  OptimizerSettings optimizer_;
  LossSettings loss_settings_;
  Loss loss_;
  Aggregation aggregation_;
  Collectives& collectives_;
  at::Device device_;
  MicroBatchLimits limits_;
  Transformer transformer_;
  WeightSet weights_;
  LoraConfig lora_;
  ParameterLayout layout_;  // of what is trained
  at::Tensor start_;        // what an adapter begins with
  at::Tensor upper_start_;  // the same of one on top of main
  std::optional<StackedAdapters> stack_;
  at::Tensor gradient_;
  at::Tensor seen_;                          // undefined where forward and backward see the parameters themselves
  std::map<std::string, TrainedSet> lines_;  // with full weights "main" alone
};

}  // namespace

std::unique_ptr<Learner> make_learner(std::shared_ptr<const WeightImage> image, const OptimizerSettings& optimizer,
                                      const LossSettings& loss, Collectives& collectives, const LoraConfig& lora,
                                      const std::string& device, DType type, LineStack lines) {
  at::set_num_threads(1);  // ranks share the cores; a rank is a process
  require(type == DType::f32 || type == DType::bf16, std::string("training in ") + name(type) + "; allowed: f32, bf16");
  return std::make_unique<TorchLearner>(std::move(image), optimizer, loss, collectives, lora, device, type, lines);
}

std::unique_ptr<Learner> make_learner(const std::string& folder, const OptimizerSettings& optimizer,
                                      const LossSettings& loss, Collectives& collectives, const LoraConfig& lora,
                                      const std::string& device, DType type, LineStack lines) {
  return make_learner(load_weight_image(folder, base_type(lora, type)), optimizer, loss, collectives, lora, device,
                      type, lines);
}

DType base_type(const LoraConfig& lora, DType type) {
  return lora.rank > 0 || !lora.adapter.empty() ? type : DType::f32;
}

}  // namespace clawrl
