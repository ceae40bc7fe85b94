#include <memory>
#include <string>

#include "comm/collectives.hpp"
#include "core/error.hpp"

namespace clawrl {
namespace {

class LocalCollectives final : public Collectives {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  void sum(std::span<float>) override {}
  void sum(std::span<double>) override {}
  void max(std::span<double>) override {}
  void broadcast(std::span<std::byte>, int root) override {
    expect(root == 0, "broadcast from rank " + std::to_string(root) + " of a group of 1");
  }
  void barrier() override {}
};

}  // namespace

std::unique_ptr<Collectives> make_local_collectives() {
  return std::make_unique<LocalCollectives>();
}

}  // namespace clawrl
