#pragma once
// Test fixture class: TEST_CASE_METHOD(WithKernels, "...") runs with the kernels started, once per program.

#include "kernels/runtime.hpp"

namespace clawrl::test {

struct WithKernels {
  WithKernels() { static const KernelRuntime runtime; }
};

}  // namespace clawrl::test
