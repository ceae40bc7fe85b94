#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>

#include "comm/collectives.hpp"
#include "core/error.hpp"
#include "model/peft_folder.hpp"
#include "model/torch/transformer.hpp"
#include "trainer/learner.hpp"
#include "trainer/sample_validation.hpp"
#include "trainer/torch/adamw.hpp"
#include "trainer/torch/micro_batch.hpp"
#include "trainer/torch/step_statistics.hpp"
#include "trainer/torch/token_logprobs.hpp"

namespace clawrl {
namespace {

constexpr std::uint64_t kAdapterSeed = 1;

at::Device parse_device(const std::string& name) {
  try {
    return at::Device(name);
  } catch (const c10::Error&) {
    throw UserError("device '" + name + "' is not known; allowed: cpu, cuda:N");
  }
}

/// What is trained is one flat buffer (all weights, or the adapter), with the gradient and the moments beside it in the
/// same layout:
///
///   parameters_  [ matrices .......... | vectors .. ]   the transformer's tensors are views of it, or, in bf16, of
///   seen_        [ ..................... ]              the same with rounded matrices
///   gradient_    [ ..................... ]              backward() adds into views of it; one reduction over the ranks
///   m, v         [ ..................... ]              a few vector operations update everything
class TorchLearner final : public Learner {
 public:
  TorchLearner(std::shared_ptr<const WeightImage> image, const OptimizerSettings& optimizer, const LossSettings& loss,
               Collectives& collectives, const LoraConfig& asked, const std::string& device, DType type)
      : config_(image->config()),
        optimizer_(optimizer),
        loss_settings_(loss),
        loss_(find_loss(loss.name)),
        aggregation_(parse_aggregation(loss.aggregation)),
        limits_(micro_batch_limits(config_)),
        collectives_(collectives),
        device_(parse_device(device)),
        transformer_(config_) {
    const LoraConfig lora = resolve_lora(asked);
    if (lora.rank > 0) {
      require(lora.dropout == 0, lora.adapter + ": lora_dropout is not 0; training allows only 0");
      expect(image->matrix_type() == type, "LoRA training sees the base as its image holds it");
      weights_ = bind_weights(config_, flat_weights(image, device_));
      layout_ = lora_layout(config_, lora);
      const bool fresh = lora.adapter.empty();
      parameters_ = (fresh ? random_lora(config_, lora, kAdapterSeed) : load_lora(config_, lora)).to(device_);
      gradient_ = at::zeros_like(parameters_);
      weights_.lora = bind_lora(config_, lora, parameters_);
      track_lora_gradients(config_, lora, weights_.lora, gradient_);
    } else {
      layout_ = weight_layout(config_);
      copy_masters(std::move(image));
      if (type == DType::bf16) seen_ = at::empty_like(parameters_);
      refresh_seen();
      weights_ = bind_weights(config_, seen_.defined() ? seen_ : parameters_);
      gradient_ = at::zeros_like(parameters_);
      track_gradients(config_, weights_, gradient_);
    }
    adam_ = std::make_unique<AdamW>(parameters_, layout_.matrices, optimizer_);
  }

  StepMetrics step(const StepBatch& batch) override {
    const auto start = std::chrono::steady_clock::now();
    upload_state();
    restored_ = false;
    gradient_.zero_();
    StepStatistics statistics;
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
    update(batch.step, metrics);
    const std::chrono::duration<double> total = std::chrono::steady_clock::now() - start;
    metrics.seconds = std::max(metrics.seconds, total.count());  // the slowest forward and backward, or this rank's all
    return metrics;
  }

  std::vector<float> score(const TrainingSample& sample) override {
    upload_state();
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

  std::vector<ParameterView> parameters() override {
    upload_state();
    return parameter_views(layout_, device_.is_cpu() ? parameters_ : host(0, parameters_));
  }

  std::vector<ParameterView> state() override {
    const bool shared = device_.is_cpu();
    upload_state();
    restored_ = true;
    auto views = parameter_views(layout_, shared ? parameters_ : host(0, parameters_));
    const std::size_t count = views.size();
    add_moments(views, count, "adam.m.", shared ? adam_->first_moment : host(1, adam_->first_moment));
    add_moments(views, count, "adam.v.", shared ? adam_->second_moment : host(2, adam_->second_moment));
    views.push_back({"adam.step", DType::i64, {1}, &adam_->steps, MemorySpace::host});
    return views;
  }

  const ModelConfig& config() const override { return config_; }

 private:
  /// Log-probs [N,1+K] of the micro-batch's targets.
  at::Tensor forward(const MicroBatch& batch) {
    PaddedAttention attention(batch.batch, batch.length);
    const at::Tensor hidden = transformer_.hidden(weights_, batch.ids, batch.positions, attention);
    return token_logprobs(hidden.index_select(0, batch.rows), weights_.lm_head, batch.targets, batch.temperature,
                          batch.masks);
  }

  void accumulate(const StepBatch& batch, StepStatistics& statistics) {
    const PackContext context{aggregation_, batch.global_active_tokens, batch.global_samples, batch.version - 1,
                              loss_.uses_sampler};
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

  /// Collective: sums the gradient, clips it by its global norm and updates the parameters.
  void update(std::int64_t step, StepMetrics& metrics) {
    at::NoGradGuard no_grad;
    reduce_gradient();
    metrics.grad_norm = at::linalg_vector_norm(gradient_, 2, {}, false, at::kDouble).item<double>();
    metrics.learning_rate = learning_rate(optimizer_, step);
    require(std::isfinite(metrics.grad_norm) && std::isfinite(metrics.loss),
            "step " + std::to_string(step) + ": loss or gradient is not finite (loss " + std::to_string(metrics.loss) +
                ", gradient norm " + std::to_string(metrics.grad_norm) + "); the weights are left as they were");
    const double coefficient = optimizer_.max_grad_norm / (metrics.grad_norm + 1e-6);
    if (optimizer_.max_grad_norm > 0 && coefficient < 1) gradient_.mul_(coefficient);
    adam_->step(gradient_, metrics.learning_rate);
    refresh_seen();
  }

  /// The image may go before the gradient and the moments come.
  void copy_masters(std::shared_ptr<const WeightImage> image) {
    parameters_ = at::empty({layout_.size}, at::TensorOptions(at::kFloat).device(device_));
    const FlatWeights from = flat_weights(image, at::kCPU);
    parameters_.narrow(0, 0, layout_.matrices).copy_(from.matrices);
    parameters_.narrow(0, layout_.matrices, layout_.size - layout_.matrices).copy_(from.vectors);
  }

  /// Training in bf16: what forward and backward see of the masters, rounded as a sampler rounds what is published.
  void refresh_seen() {
    if (!seen_.defined()) return;
    at::NoGradGuard no_grad;
    seen_.copy_(parameters_);
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

  void add_moments(std::vector<ParameterView>& views, std::size_t count, const std::string& prefix,
                   const at::Tensor& flat) {
    auto moments = parameter_views(layout_, flat);
    for (std::size_t i = 0; i < count; ++i) {
      moments[i].name = prefix + moments[i].name;
      views.push_back(std::move(moments[i]));
    }
  }

  // On an accelerator the host sees copies: parameters, first and second moments. Those that state() gave out may have
  // been overwritten (a restart), so until the next step they go back before every use, and before they are made anew.
  at::Tensor host(std::size_t slot, const at::Tensor& tensor) {
    if (!host_[slot].defined()) host_[slot] = at::empty(tensor.sizes(), at::kFloat);
    return host_[slot].copy_(tensor);
  }
  void upload_state() {
    if (!restored_) return;
    at::NoGradGuard no_grad;
    if (!device_.is_cpu()) {
      parameters_.copy_(host_[0]);
      adam_->first_moment.copy_(host_[1]);
      adam_->second_moment.copy_(host_[2]);
    }
    refresh_seen();
  }

  ModelConfig config_;
  OptimizerSettings optimizer_;
  LossSettings loss_settings_;
  Loss loss_;
  Aggregation aggregation_;
  MicroBatchLimits limits_;
  Collectives& collectives_;
  at::Device device_;
  Transformer transformer_;
  WeightSet weights_;
  ParameterLayout layout_;  // of what is trained
  at::Tensor parameters_, gradient_, host_[3];
  at::Tensor seen_;  // undefined where forward and backward see the parameters themselves
  std::unique_ptr<AdamW> adam_;
  bool restored_ = false;
};

}  // namespace

std::unique_ptr<Learner> make_learner(std::shared_ptr<const WeightImage> image, const OptimizerSettings& optimizer,
                                      const LossSettings& loss, Collectives& collectives, const LoraConfig& lora,
                                      const std::string& device, DType type) {
  at::set_num_threads(1);  // ranks share the cores; a rank is a process
  require(type == DType::f32 || type == DType::bf16, std::string("training in ") + name(type) + "; allowed: f32, bf16");
  return std::make_unique<TorchLearner>(std::move(image), optimizer, loss, collectives, lora, device, type);
}

std::unique_ptr<Learner> make_learner(const std::string& folder, const OptimizerSettings& optimizer,
                                      const LossSettings& loss, Collectives& collectives, const LoraConfig& lora,
                                      const std::string& device, DType type) {
  return make_learner(load_weight_image(folder, base_type(lora, type)), optimizer, loss, collectives, lora, device,
                      type);
}

DType base_type(const LoraConfig& lora, DType type) {
  return lora.rank > 0 || !lora.adapter.empty() ? type : DType::f32;
}

}  // namespace clawrl
