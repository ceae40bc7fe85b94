#pragma once
// An error at a known place of a template.

#include <string>

#include "core/error.hpp"
#include "prompt/jinja/token.hpp"

namespace clawrl::jinja {

struct SourceError : UserError {
  SourceError(Position place, const std::string& what)
      : UserError("line " + std::to_string(place.line) + ", column " + std::to_string(place.column) + ": " + what),
        position(place) {}
  Position position;
};

}  // namespace clawrl::jinja
