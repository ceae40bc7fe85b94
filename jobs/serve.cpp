// Serves the policy to clients, without learning; every rank samples.

#include "roles/service_main.hpp"

int main(int argc, char** argv) {
  return clawrl::service_main(argc, argv,
                              {"serve",
                               "Serves the policy over HTTP without learning; every rank samples.",
                               {"run", "model", "http", "rollout", "session", "privacy", "feedback"}},
                              false);
}
