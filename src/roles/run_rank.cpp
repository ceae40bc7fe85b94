#include "roles/run_rank.hpp"

#include <atomic>
#include <csignal>
#include <fstream>
#include <iostream>
#include <thread>
#include <vector>

#include "comm/communicator.hpp"
#include "comm/mpi_collectives.hpp"
#include "core/error.hpp"
#include "kernels/runtime.hpp"
#include "model/policy.hpp"
#include "prm/judge.hpp"
#include "prm/teacher_folder.hpp"
#include "roles/head.hpp"
#include "roles/role_loops.hpp"
#include "weights/weight_receiver.hpp"

namespace clawrl {
namespace {

std::atomic<bool> stop_requested = false;

/// mpirun forwards signals to every rank; only the head acts, the others wait for its Stop.
void handle_signals(bool head) {
  struct sigaction action {};
  if (head)
    action.sa_handler = [](int) { stop_requested = true; };
  else
    action.sa_handler = SIG_IGN;
  for (int signal : {SIGINT, SIGTERM, SIGUSR1}) sigaction(signal, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

RoleMap make_map(int world_size, const RoleConfig& config, bool learning) {
  if (!learning) return RoleMap::serving(world_size);
  const int groups = (world_size - (config.dedicated_head ? 1 : 0)) / config.ranks_per_group;
  const bool counted = config.trainers > 0 || config.rollouts > 0 || config.prms > 0;
  RoleMapSettings settings =
      counted ? RoleMapSettings{config.trainers, config.rollouts, config.prms} : RoleMap::proportional_counts(groups);
  settings.ranks_per_group = config.ranks_per_group;
  settings.dedicated_head = config.dedicated_head;
  return RoleMap(world_size, settings);
}

/// The models of this rank that follow the trainer, and the hands that fill them.
struct Followers {
  std::unique_ptr<Policy> sampler, teacher;
  std::unique_ptr<WeightReceiver> receiver;
};

Followers make_followers(const RankContext& context) {
  const auto load = [&](const std::shared_ptr<const WeightImage>& image) {
    return make_policy(image, context.config.model.device, served_lora(context.config));
  };
  Followers followers;
  std::vector<Policy*> receiving;
  if (context.map.plays(context.mailbox.rank(), Role::rollout))
    receiving.push_back((followers.sampler = load(context.images.sampler)).get());
  if (context.map.plays(context.mailbox.rank(), Role::prm)) {
    followers.teacher = load(context.images.teacher);
    if (prms_follow_policy(context.config)) receiving.push_back(followers.teacher.get());
  }
  followers.receiver = std::make_unique<WeightReceiver>(
      receiving, [&mailbox = context.mailbox, head = context.map.head()](const WeightReceiver::Outcome& outcome) {
        mailbox.send(head, Port::head, messages::VersionComplete{outcome.version, outcome.bytes, outcome.error});
      });
  context.mailbox.on_message(
      Port::weights, [receiver = followers.receiver.get()](const Envelope& envelope) { receiver->take(envelope); });
  return followers;
}

class RoleThreads {
 public:
  explicit RoleThreads(const MpiEnvironment& mpi) : mpi_(mpi) {}
  ~RoleThreads() {
    for (std::thread& thread : threads_) thread.join();
  }
  void start(Role role, std::function<void()> loop) {
    threads_.emplace_back([this, role, loop = std::move(loop)] {
      try {
        loop();
      } catch (const std::exception& error) {
        mpi_.fail(name(role), error.what());
      }
    });
  }

 private:
  const MpiEnvironment& mpi_;
  std::vector<std::thread> threads_;
};

void save_resolved(const std::string& out, const std::string& configuration) {
  std::ofstream file(out + "/resolved.ini");
  file << configuration << std::flush;
  require(file.good(), "run.out: cannot write " + out + "/resolved.ini");
  std::cout << configuration << std::endl;
}

}  // namespace

int run_rank(const MpiEnvironment& mpi, const RunConfig& config, const std::string& configuration, bool learning) {
  handle_signals(mpi.rank() == 0);
  const RoleMap map = make_map(mpi.size(), config.roles, learning);
  if (mpi.rank() == 0) std::cout << "clawrl: " << mpi.describe() << "\nclawrl: " << map.describe() << std::endl;
  if (const std::string teacher = teacher_folder(config.prm); learning && mpi.rank() == 0 && !teacher.empty())
    check_teacher_folder(config.model.policy, teacher);
  const KernelRuntime kernels(config.run.threads);
  std::unique_ptr<Head> head;  // both outlive the mailbox, which hands them what still arrives after Stop
  Followers followers;
  NodeImages images = load_node_images(Communicator::borrow_world(), map, config);  // before others talk on the world
  const auto mailbox = make_mailbox(Communicator::borrow_world());
  mailbox->on_rank_lost([&](int rank) { mpi.fail("head", "rank " + std::to_string(rank) + " died"); });
  const RankContext context{*mailbox, config, map, images, learning};
  std::unique_ptr<Collectives> trainers;
  if (map.plays(mpi.rank(), Role::trainer)) trainers = make_mpi_collectives(map.ranks(Role::trainer));
  if (mpi.rank() == 0) {
    head = std::make_unique<Head>(context, configuration);
    save_resolved(config.run.out, configuration);  // not before: the folder may be another run's
  }
  followers = make_followers(context);
  RoleThreads threads(mpi);
  if (followers.sampler) threads.start(Role::rollout, [&] { run_rollout(context, *followers.sampler); });
  if (followers.teacher) threads.start(Role::prm, [&] { run_prm(context, *followers.teacher); });
  if (trainers) threads.start(Role::trainer, [&] { run_trainer(context, *trainers); });
  if (!head) return 0;  // the role threads end at Stop
  try {
    return head->run(stop_requested);
  } catch (const std::exception& error) {
    mpi.fail("head", error.what());
  }
}

}  // namespace clawrl
