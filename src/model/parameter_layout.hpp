#pragma once
// Where named parameters lie in one flat buffer.

#include <cstdint>
#include <string>
#include <vector>

namespace clawrl {

struct ParameterSlot {
  std::string name;
  std::vector<std::int64_t> shape;
  std::int64_t offset = 0;  // first element in the buffer; contiguous from there
  std::int64_t elements() const;
};

/// Slots start at multiples of 16 elements (one cache line), but for those that are joined to the slot before: together
/// they are one matrix. The padding between slots is 0 and stays 0 under any element-wise update.
struct ParameterLayout {
  std::vector<ParameterSlot> slots;
  std::int64_t size = 0;      // elements of the buffer, padding included
  std::int64_t matrices = 0;  // the first `matrices` elements hold the 2-D parameters, the rest the 1-D ones

  void add(std::string name, std::vector<std::int64_t> shape, bool joined = false);
  const ParameterSlot& at(const std::string& name) const;  // throws InternalError
};

}  // namespace clawrl
