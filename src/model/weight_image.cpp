#include "model/weight_image.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>

#include "core/error.hpp"
#include "model/model_folder.hpp"

namespace clawrl {
namespace {

constexpr std::size_t trailer_bytes = 64;  // the hash as text, 0 behind it

std::size_t up(std::size_t bytes) {
  return (bytes + 63) / 64 * 64;
}

struct Places {
  std::size_t vectors, trailer, end;
};

Places places_of(const ParameterLayout& layout, DType matrix_type) {
  require(matrix_type == DType::f32 || matrix_type == DType::bf16,
          std::string("weights cannot be held as ") + name(matrix_type) + "; allowed: f32, bf16");
  Places places{};
  places.vectors = up(static_cast<std::size_t>(layout.matrices) * size_of(matrix_type));
  places.trailer = up(places.vectors + static_cast<std::size_t>(layout.size - layout.matrices) * sizeof(float));
  places.end = places.trailer + trailer_bytes;
  return places;
}

std::vector<ParameterView> image_views(const ParameterLayout& layout, DType matrix_type, std::byte* memory) {
  auto* vectors = memory + places_of(layout, matrix_type).vectors;
  std::vector<ParameterView> views;
  for (const auto& slot : layout.slots) {
    const bool matrix = slot.offset < layout.matrices;
    const auto type = matrix ? matrix_type : DType::f32;
    const auto offset = static_cast<std::size_t>(matrix ? slot.offset : slot.offset - layout.matrices);
    views.push_back({slot.name, type, slot.shape, (matrix ? memory : vectors) + offset * size_of(type)});
  }
  return views;
}

}  // namespace

WeightImage::WeightImage(const ModelConfig& config, DType matrix_type, std::span<const std::byte> memory,
                         std::shared_ptr<const void> owner)
    : config_(config),
      layout_(weight_layout(config)),
      matrix_type_(matrix_type),
      memory_(memory),
      owner_(std::move(owner)) {
  expect(memory.size() == places_of(layout_, matrix_type).end, "a weight image of another size than its model");
}

const float* WeightImage::vectors() const {
  return reinterpret_cast<const float*>(memory_.data() + places_of(layout_, matrix_type_).vectors);
}

std::vector<ParameterView> WeightImage::views() const {
  return image_views(layout_, matrix_type_, const_cast<std::byte*>(memory_.data()));  // views have no const form
}

std::string WeightImage::hash() const {
  return reinterpret_cast<const char*>(memory_.data() + places_of(layout_, matrix_type_).trailer);
}

std::size_t image_bytes(const ModelConfig& config, DType matrix_type) {
  return places_of(weight_layout(config), matrix_type).end;
}

void fill_weight_image(const std::string& folder, const ModelConfig& config, DType matrix_type,
                       std::span<std::byte> memory) {
  const auto layout = weight_layout(config);
  const auto places = places_of(layout, matrix_type);
  expect(memory.size() == places.end, "a weight image of another size than its model");
  const auto hash = read_weights_hashed(folder, config, image_views(layout, matrix_type, memory.data()));
  expect(hash.size() < trailer_bytes, "a hash that does not fit the image");
  std::memcpy(memory.data() + places.trailer, hash.c_str(), hash.size() + 1);
}

std::shared_ptr<const WeightImage> load_weight_image(const std::string& folder, DType matrix_type) {
  const auto config = read_model_config(folder);
  const auto bytes = image_bytes(config, matrix_type);
  void* mapping = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  require(mapping != MAP_FAILED,
          folder + ": no memory for " + std::to_string(bytes) + " bytes of weights: " + std::strerror(errno));
  const std::shared_ptr<const void> owner(mapping, [bytes](const void* p) { ::munmap(const_cast<void*>(p), bytes); });
  const std::span memory(static_cast<std::byte*>(mapping), bytes);
  fill_weight_image(folder, config, matrix_type, memory);
  return std::make_shared<const WeightImage>(config, matrix_type, memory, owner);
}

DType parse_matrix_type(const std::string& text) {
  if (text == "fp32") return DType::f32;
  require(text == "bf16", "dtype '" + text + "' is unknown; allowed: fp32, bf16");
  return DType::bf16;
}

}  // namespace clawrl
