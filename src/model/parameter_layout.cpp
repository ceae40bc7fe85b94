#include "model/parameter_layout.hpp"

#include <utility>

#include "core/error.hpp"

namespace clawrl {

std::int64_t ParameterSlot::elements() const {
  std::int64_t count = 1;
  for (auto extent : shape) count *= extent;
  return count;
}

void ParameterLayout::add(std::string name, std::vector<std::int64_t> shape, bool joined) {
  constexpr std::int64_t align = 16;
  const auto end = slots.empty() ? 0 : slots.back().offset + slots.back().elements();
  const auto offset = joined ? end : size;
  const bool is_matrix = shape.size() > 1;
  expect(!is_matrix || matrices == size, "parameter layout: 2-D parameters come before 1-D ones: " + name);
  slots.push_back({std::move(name), std::move(shape), offset});
  size = (offset + slots.back().elements() + align - 1) / align * align;
  if (is_matrix) matrices = size;
}

const ParameterSlot& ParameterLayout::at(const std::string& name) const {
  for (const auto& slot : slots)
    if (slot.name == name) return slot;
  throw InternalError("no parameter named " + name);
}

}  // namespace clawrl
