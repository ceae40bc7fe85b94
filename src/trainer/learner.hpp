#pragma once
// The trainer's model as the trainer role sees it: no torch here. All trainer ranks call every method together where
// marked collective.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/parameter_view.hpp"
#include "core/step_metrics.hpp"
#include "core/training_sample.hpp"
#include "model/policy.hpp"

namespace clawrl {

class Collectives;

struct OptimizerSettings {
  double learning_rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.98;
  double eps = 1e-8;
  double weight_decay = 0.1;
  bool decay_matrices_only = true;
  double max_grad_norm = 1.0;
  std::int64_t warmup_steps = 2;  // linear from learning_rate / warmup_steps
  std::int64_t total_steps = 0;   // 0 = constant after the warm-up; else cosine down to 10 % (supervised training)
};

struct LossSettings {
  std::string name = "policy";             // registered loss: policy (clipped, method.md 2 and 3), sft (cross-entropy)
  std::string aggregation = "token_mean";  // token_mean, sequence_mean
  double clip_low = 0.2;
  double clip_high = 0.28;
  double kl_beta = 0.0;             // weight of the KL term to sample.reference_logprobs
  std::string kl_estimator = "k3";  // k1, k2, k3: see KlEstimator
  double importance_cap = 2.0;      // truncated importance weight exp(old - sampler); 0 = coupled form, old = sampler
  double topk_weight = 1.0;         // weight of the top-k term where a sample carries one
  double divergence_clip = 0;       // bound of |log pi - log pi_T| in the divergence from the teacher; 0 = none
};

/// One optimiser step of one data-parallel rank.
struct StepBatch {
  std::int64_t step = 0;                  // 1-based
  std::int64_t version = 0;               // version that the step makes
  std::vector<TrainingSample> samples;    // this rank's shard; may be empty
  std::int64_t global_active_tokens = 0;  // over all shards: the loss is divided by it
  std::int64_t global_samples = 0;
  std::string line = "main";                 // policy line that the step trains; no other is touched
  std::optional<std::int64_t> line_step;     // its number among the line's steps, for the learning rate; none = step
  std::optional<std::int64_t> held_version;  // of the line before the step; none = version - 1
  std::vector<std::uint8_t> kinds;           // of `samples`, below kind_count: what StepMetrics::kinds tells apart
  std::int32_t kind_count = 0;               // the same on every rank; 0 = nothing is told apart
};

/// How a policy line stands to the line "main". apart: an adapter of its own on the frozen base. on_main: its adapter
/// lies on top of main's, and together they act as one of twice the rank. A step then trains both from one backward
/// pass, main's with the learning rate of batch.step; a step of main finds nothing on top.
enum class LineStack : std::uint8_t { apart, on_main };

/// Weights and moments per policy line: "main" is always there; with LoRA others may be added, each an adapter of its
/// own. A new line begins as every line begins: fresh, or as lora.adapter says; on main always fresh.
class Learner {
 public:
  virtual ~Learner() = default;
  /// Collective: forward, backward, sum of gradients over the ranks, clip, AdamW. Metrics are of the whole batch.
  /// Adds batch.line where it is not there yet.
  virtual StepMetrics step(const StepBatch& batch) = 0;
  /// Log-probs [T] of a sample's tokens at its temperature on its line's current weights (entry 0 is 0). Not
  /// collective.
  virtual std::vector<float> score(const TrainingSample& sample) = 0;
  /// What is published: all weights, or the line's adapter when LoRA is on (on main: both as one of twice the rank,
  /// for "main" with zeros on top). Host, f32, valid until the next step(), on main until the next call.
  virtual std::vector<ParameterView> parameters(const std::string& line = "main") = 0;
  /// Nothing for a line that is there. UserError for a further one without LoRA.
  virtual void add_line(const std::string& line) = 0;
  /// Frees its weights and moments; nothing for a line that is not there. "main" stays.
  virtual void drop_line(const std::string& line) = 0;
  /// Writable views of everything a checkpoint needs: parameters, moments "adam.m.<name>", "adam.v.<name>" (f32) and
  /// "adam.step" (i64 [1]), of lines other than "main" with "line.<line>." before the name; on main each line has its
  /// own adapter alone. Restoring = overwriting them between two steps.
  virtual std::vector<ParameterView> state() = 0;
  virtual const ModelConfig& config() const = 0;
};

/// Makes an optimiser for the weights of `image`; `collectives` (not owned) joins the trainer ranks. `type` (f32,
/// bf16): how forward and backward see the matrices; what is trained, its gradient and its moments are f32 in any case.
/// LoRA training keeps the image as its frozen base, which must have that type; full training copies it and lets it go
/// (an f32 image gives exact masters).
std::unique_ptr<Learner> make_learner(std::shared_ptr<const WeightImage> image, const OptimizerSettings& optimizer,
                                      const LossSettings& loss, Collectives& collectives, const LoraConfig& lora = {},
                                      const std::string& device = "cpu", DType type = DType::f32,
                                      LineStack lines = LineStack::apart);

/// The same with a Hugging Face folder, loaded for this process alone.
std::unique_ptr<Learner> make_learner(const std::string& folder, const OptimizerSettings& optimizer,
                                      const LossSettings& loss, Collectives& collectives, const LoraConfig& lora = {},
                                      const std::string& device = "cpu", DType type = DType::f32,
                                      LineStack lines = LineStack::apart);

/// Matrix type of the image that make_learner() wants for training in `type`.
DType base_type(const LoraConfig& lora, DType type);

}  // namespace clawrl
