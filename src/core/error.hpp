#pragma once
// Two families: what a user can mend (UserError) and what only a developer can (InternalError).

#include <stdexcept>
#include <string>

namespace clawrl {

/// Bad input, settings, files or environment: the text names the thing and says what is allowed.
struct UserError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A broken promise inside the program.
struct InternalError : std::logic_error {
  using std::logic_error::logic_error;
};

inline void require(bool holds, const std::string& what) {
  if (!holds) throw UserError(what);
}

inline void expect(bool holds, const std::string& what) {
  if (!holds) throw InternalError(what);
}

}  // namespace clawrl
