#pragma once
// Numbers as Python writes them: what chat templates were trained on.

#include <string>

namespace clawrl {

/// A Python float's repr. Example: 0.1, 1.0, 1e-07, 1e+16.
std::string python_float(double value);

}  // namespace clawrl
