#include <chrono>
#include <future>
#include <memory>

#include "checkpoint/checkpoint_reader.hpp"
#include "checkpoint/checkpoint_writer.hpp"
#include "core/checksum.hpp"
#include "core/error.hpp"
#include "core/line_tensors.hpp"
#include "roles/clock.hpp"
#include "roles/messages.hpp"
#include "roles/role_loops.hpp"
#include "trainer/learner.hpp"
#include "weights/weight_publisher.hpp"

namespace clawrl {
namespace {

using namespace std::chrono_literals;

/// The views with memory of their own, so that they can be written while training goes on.
struct FrozenViews {
  std::vector<ParameterView> views;
  std::vector<std::vector<std::byte>> bytes;
};

FrozenViews freeze(std::vector<ParameterView> views) {
  FrozenViews frozen{std::move(views), {}};
  for (ParameterView& view : frozen.views) {
    const auto* data = static_cast<const std::byte*>(view.data);
    frozen.bytes.emplace_back(data, data + view.bytes());
    view.data = frozen.bytes.back().data();
  }
  return frozen;
}

class TrainerLoop {
 public:
  TrainerLoop(const RankContext& context, Collectives& collectives)
      : context_(context),
        mailbox_(context.mailbox),
        index_(index_of(context, Role::trainer)),
        count_(static_cast<int>(context.map.ranks(Role::trainer).size())),
        base_hash_(context.images.trainer->hash()),
        learner_(make_learner(std::move(context.images.trainer), context.config.trainer.optimizer,
                              context.config.trainer.loss, collectives, context.config.trainer.lora,
                              context.config.model.device, parse_matrix_type(context.config.trainer.dtype),
                              context.config.policy.stacked() ? LineStack::on_main : LineStack::apart)),
        publisher_(mailbox_, index_, count_, context.config.weights.chunk_bytes) {}

  void run() {
    tell_head(messages::Ready{"trainer", base_hash_});
    for (;;) {
      const auto envelope = mailbox_.receive(Port::trainer, 50ms);
      if (!envelope) continue;
      switch (envelope->type) {
        case messages::TakeStep::type_id:
          take_step(envelope->open<messages::TakeStep>());
          break;
        case messages::Publish::type_id:
          publish(envelope->open<messages::Publish>());
          break;
        case messages::WriteCheckpoint::type_id:
          write(envelope->open<messages::WriteCheckpoint>());
          break;
        case messages::DropLine::type_id:
          learner_->drop_line(envelope->open<messages::DropLine>().line);
          break;
        case messages::Restore::type_id:
          restore(envelope->open<messages::Restore>());
          break;
        case messages::Stop::type_id:
          return;
        default:
          throw InternalError("trainer got message type " + std::to_string(envelope->type));
      }
    }
  }

 private:
  template <class Message>
  void tell_head(const Message& message) {
    mailbox_.send(context_.map.head(), Port::head, message);
  }

  void take_step(messages::TakeStep take) {
    messages::StepDone done;
    try {
      done.metrics = learner_->step(take.batch);
    } catch (const UserError& error) {  // on every rank alike: a sample that cannot be, a gradient that is not finite
      done.metrics.step = take.batch.step;
      done.metrics.version = take.batch.version;
      done.error = error.what();
    }
    if (index_ != 0) return;
    done.weights_hash = weights_hash(learner_->parameters(take.batch.line));
    done.finished_s = unix_s();
    tell_head(done);
  }

  void publish(const messages::Publish& message) {
    publisher_.publish(message.version, learner_->parameters(message.line), message.receivers);
  }

  void write(const messages::WriteCheckpoint& message) {
    if (writing_.valid()) writing_.get();
    auto owned = std::make_shared<FrozenViews>(freeze(owned_views(learner_->state(), count_, index_)));
    writing_ = std::async(std::launch::async, [this, message, owned] {
      messages::ShardWritten written{message.step, {}, ""};
      try {
        written.shard = write_shard(message.root, message.step, index_, count_, owned->views);
      } catch (const std::exception& error) {
        written.error = error.what();
      }
      tell_head(written);
    });
  }

  void restore(const messages::Restore& message) {
    const Checkpoint checkpoint = open_checkpoint(message.path, Verify::sizes);
    for (const ShardInfo& shard : checkpoint.shards)
      for (const TensorInfo& tensor : shard.tensors) learner_->add_line(line_of_tensor(tensor.name));
    load_all_tensors(checkpoint, learner_->state());
    if (index_ == 0) tell_head(messages::Restored{weights_hash(learner_->parameters())});
  }

  const RankContext& context_;
  Mailbox& mailbox_;
  int index_, count_;
  const std::string base_hash_;
  std::unique_ptr<Learner> learner_;
  WeightPublisher publisher_;
  std::future<void> writing_;
};

}  // namespace

void run_trainer(const RankContext& context, Collectives& collectives) {
  lower_priority();
  TrainerLoop(context, collectives).run();
}

}  // namespace clawrl
