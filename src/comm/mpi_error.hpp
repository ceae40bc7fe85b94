#pragma once
// What a failed MPI or NCCL call becomes.

#include <stdexcept>
#include <string>

namespace clawrl {

/// The text names the call and the library's own words; `code` is the library's error class.
struct MpiError : std::runtime_error {
  MpiError(const std::string& what, int error_code) : std::runtime_error(what), code(error_code) {}
  int code;
};

/// A rank of the group died (ULFM only). The group's communicator is unusable from here on.
struct RankLostError : MpiError {
  using MpiError::MpiError;
};

}  // namespace clawrl
