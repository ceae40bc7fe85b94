#include "comm/nccl/nccl_collectives.hpp"
#include "core/error.hpp"

namespace clawrl {

bool nccl_built() {
  return false;
}

std::unique_ptr<Collectives> make_nccl_collectives(const std::vector<int>&, int, const CollectiveSettings&) {
  throw UserError(
      "NCCL collectives were not built: CMake found no CUDA toolkit or no NCCL. Configure with -DCLAWRL_NCCL=ON and "
      "-DNCCL_ROOT=<folder>, or use MPI collectives");
}

}  // namespace clawrl
