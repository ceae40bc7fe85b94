// The main job: serves the policy to clients and trains it from what they answer.

#include "roles/service_main.hpp"
#include "rollout/generation_rule.hpp"
#include "samples/advantage.hpp"
#include "samples/reward.hpp"
#include "trainer/loss_names.hpp"

int main(int argc, char** argv) {
  return clawrl::service_main(argc, argv,
                              {"online_rl",
                               "Serves the policy over HTTP and trains it from the next message of each conversation.\n"
                               "Start it under mpirun; 8 ranks are 4 trainers, 2 rollouts and 2 PRMs.",
                               {"run", "model", "policy", "roles", "http", "rollout", "prm", "samples", "trainer",
                                "weights", "checkpoint", "session", "privacy", "feedback", "audit"},
                               clawrl::advantage_names(),
                               clawrl::loss_names(),
                               clawrl::reward_names(),
                               clawrl::generation_names()},
                              true);
}
