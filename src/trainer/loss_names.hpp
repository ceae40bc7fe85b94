#pragma once
// Names that trainer.loss may take, without torch: what a job gives the parser.

#include <string>
#include <vector>

namespace clawrl {

/// Of all losses that are linked into the program, ascending.
std::vector<std::string> loss_names();

}  // namespace clawrl
