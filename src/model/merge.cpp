#include "model/merge.hpp"

#include <map>
#include <string>
#include <vector>

#include "core/error.hpp"

namespace clawrl {
namespace {

struct Product {
  const ParameterView *weight, *a, *b;
};

using ByName = std::map<std::string, const ParameterView*>;

ByName index(std::span<const ParameterView> views) {
  ByName names;
  for (const auto& view : views) names[view.name] = &view;
  return names;
}

const ParameterView& find(const ByName& names, const std::string& name) {
  const auto found = names.find(name);
  require(found != names.end(), "merge: tensor " + name + " is missing");
  const auto& view = *found->second;
  require(view.type == DType::f32 && view.space == MemorySpace::host && view.shape.size() == 2,
          "merge: tensor " + name + " must be a matrix of f32 on the host");
  return view;
}

void add(const Product& p, float scaling) {
  const auto rows = p.weight->shape[0], columns = p.weight->shape[1], rank = p.a->shape[0];
  auto* w = static_cast<float*>(p.weight->data);
  const auto *a = static_cast<const float*>(p.a->data), *b = static_cast<const float*>(p.b->data);
  std::vector<float> sum(static_cast<std::size_t>(columns));
  for (std::int64_t row = 0; row < rows; ++row, w += columns, b += rank) {
    sum.assign(sum.size(), 0.0F);
    for (std::int64_t k = 0; k < rank; ++k)
      for (std::int64_t c = 0; c < columns; ++c) sum[static_cast<std::size_t>(c)] += b[k] * a[k * columns + c];
    for (std::int64_t c = 0; c < columns; ++c) w[c] += scaling * sum[static_cast<std::size_t>(c)];
  }
}

}  // namespace

void merge_adapter(const ModelConfig& config, std::span<const ParameterView> base, const LoraConfig& lora,
                   std::span<const ParameterView> adapter) {
  const auto pairs = static_cast<std::size_t>(config.num_layers) * lora.targets.size();
  require(adapter.size() == 2 * pairs, "merge: the adapter has " + std::to_string(adapter.size()) +
                                           " tensors, the model and the targets ask for " + std::to_string(2 * pairs));
  const auto weights = index(base), factors = index(adapter);
  std::vector<Product> products;
  const std::string prefix = "base_model.model.", a_end = ".lora_A.weight";
  for (const auto& view : adapter) {
    if (!view.name.starts_with(prefix) || !view.name.ends_with(a_end)) continue;
    const auto module = view.name.substr(prefix.size(), view.name.size() - prefix.size() - a_end.size());
    const auto &w = find(weights, module + ".weight"), &a = find(factors, view.name),
               &b = find(factors, prefix + module + ".lora_B.weight");
    require(a.shape[0] == lora.rank && b.shape[1] == lora.rank && b.shape[0] == w.shape[0] && a.shape[1] == w.shape[1],
            "merge: the adapter of " + module + " has another shape than the weight and rank " +
                std::to_string(lora.rank) + " give");
    products.push_back({&w, &a, &b});
  }
  require(products.size() == pairs, "merge: the adapter holds tensors that are neither lora_A nor lora_B");
  for (const auto& product : products) add(product, static_cast<float>(lora.scaling()));
}

}  // namespace clawrl
