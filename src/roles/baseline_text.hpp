#pragma once
// The running baseline as text, for a checkpoint.

#include <map>
#include <string>

#include "samples/baseline.hpp"

namespace clawrl {

std::string baseline_text(const std::map<std::string, RunningBaseline::Moments>& state);
std::map<std::string, RunningBaseline::Moments> baseline_from(const std::string& text);

}  // namespace clawrl
