#include "roles/supervised_training.hpp"

namespace clawrl {
namespace {

/// Every rank draws the same batch and keeps each ranks-th sample: equal seeds replace communication.
StepBatch draw_batch(int rank, int ranks, std::int64_t batch_tokens, std::int64_t& drawn,
                     const std::function<TrainingSample()>& next_sample) {
  StepBatch batch;
  for (std::int64_t tokens = 0; tokens < batch_tokens;) {
    TrainingSample sample = next_sample();
    tokens += static_cast<std::int64_t>(sample.ids.size());
    drawn += static_cast<std::int64_t>(sample.ids.size());
    batch.global_active_tokens += sample.response_length();
    if (batch.global_samples++ % ranks == rank) batch.samples.push_back(std::move(sample));
  }
  return batch;
}

}  // namespace

double train_supervised(Learner& learner, int rank, int ranks, const SupervisedSettings& settings,
                        const std::function<TrainingSample()>& next_sample, const std::function<void()>& save,
                        const SupervisedProgress& progress) {
  std::int64_t tokens = 0;
  double loss_sum = 0, last_mean = 0;
  std::int64_t counted = 0;
  for (std::int64_t step = 1; tokens < settings.tokens; ++step) {
    StepBatch batch = draw_batch(rank, ranks, settings.batch_tokens, tokens, next_sample);
    batch.step = batch.version = step;
    StepMetrics metrics = learner.step(batch);
    loss_sum += metrics.loss;
    ++counted;
    if (step % settings.report_every == 0 || tokens >= settings.tokens) {
      metrics.loss = last_mean = loss_sum / static_cast<double>(counted);
      loss_sum = 0;
      counted = 0;
      progress(metrics, tokens);
    }
    if (settings.save_every > 0 && step % settings.save_every == 0 && rank == 0) save();
  }
  if (rank == 0) save();
  return last_mean;
}

}  // namespace clawrl
