#include "model/torch/projection.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <vector>

#include "model/torch/fused_ops.hpp"
#include "model/torch/low_rank.hpp"

namespace clawrl {
namespace {

constexpr std::int64_t most_kernel_rows = 64;  // as in clawrl::linear

bool has_adapter(const AdapterRows& range) {
  return range.count > 0 && range.adapter != nullptr && !range.adapter->layers.empty();
}

const LoraLayer& layer_of(const AdapterRows& range, std::int64_t layer) {
  return range.adapter->layers[static_cast<std::size_t>(layer)];
}

at::Tensor delta(const at::Tensor& x, const LoraPair& pair) {
  return clawrl::linear(clawrl::linear(x, pair.a), pair.b);
}

bool has_kernel(const at::Tensor& x, std::int64_t rows, const LoraPair& pair) {
  auto plain = [](const at::Tensor& t) { return t.is_cpu() && t.scalar_type() == at::kFloat && t.is_contiguous(); };
  return rows <= most_kernel_rows && x.size(1) % 8 == 0 && plain(x) && plain(pair.a) && plain(pair.b);
}

// y [N,out] is ours: added to in place. Columns [column, column + rows of b).
void add_range(const at::Tensor& x, const AdapterRows& range, const LoraPair& pair, std::int64_t column,
               const at::Tensor& y) {
  if (!has_kernel(x, range.count, pair)) {
    y.narrow(0, range.begin, range.count)
        .narrow(1, column, pair.b.size(0))
        .add_(delta(x.narrow(0, range.begin, range.count), pair), range.adapter->scaling);
    return;
  }
  const kernels::LowRank adapter{pair.a.const_data_ptr<float>(),
                                 pair.b.const_data_ptr<float>(),
                                 pair.a.size(0),
                                 x.size(1),
                                 pair.b.size(0),
                                 static_cast<float>(range.adapter->scaling)};
  kernels::add_low_rank(adapter, range.count, x.const_data_ptr<float>() + range.begin * x.size(1),
                        y.data_ptr<float>() + range.begin * y.size(1) + column, y.size(1));
}

// The part's columns of y with the adapters' sums, for autograd.
at::Tensor with_adapters(const at::Tensor& x, const at::Tensor& y, const LayerAdapters& adapters,
                         LoraPair LoraLayer::*pair) {
  std::vector<at::Tensor> rows;
  std::int64_t done = 0;
  auto plain_until = [&](std::int64_t end) {
    if (end > done) rows.push_back(y.narrow(0, done, end - done));
    done = end;
  };
  for (const auto& range : adapters.ranges) {
    if (!has_adapter(range) || !(layer_of(range, adapters.layer).*pair).a.defined()) continue;
    plain_until(range.begin);
    const auto sum = delta(x.narrow(0, range.begin, range.count), layer_of(range, adapters.layer).*pair);
    rows.push_back(at::add(y.narrow(0, range.begin, range.count), sum, range.adapter->scaling));
    done += range.count;
  }
  if (rows.empty()) return y;
  plain_until(y.size(0));
  return rows.size() == 1 ? rows[0] : at::cat(rows, 0);
}

}  // namespace

at::Tensor project(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const LayerAdapters& adapters,
                   std::initializer_list<AdapterPart> parts) {
  auto y = clawrl::linear(x, weight);
  if (bias.defined()) y = at::add(y, bias);
  bool any = false;
  for (const auto& range : adapters.ranges) any = any || has_adapter(range);
  if (!any) return y;
  std::int64_t column = 0;
  if (at::GradMode::is_enabled()) {
    std::vector<at::Tensor> columns;
    for (const auto& part : parts) {
      columns.push_back(with_adapters(x, y.narrow(1, column, part.rows), adapters, part.pair));
      column += part.rows;
    }
    return columns.size() == 1 ? columns[0] : at::cat(columns, 1);
  }
  for (const auto& part : parts) {
    for (const auto& range : adapters.ranges) {
      if (!has_adapter(range)) continue;
      const auto& pair = layer_of(range, adapters.layer).*part.pair;
      if (pair.a.defined()) add_range(x, range, pair, column, y);
    }
    column += part.rows;
  }
  return y;
}

}  // namespace clawrl
