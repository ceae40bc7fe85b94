#pragma once
// Reference tensors as torch tensors, and comparisons that print what is off.

#include <ATen/ATen.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "core/error.hpp"
#include "model/safetensors.hpp"
#include "support/catch.hpp"

namespace clawrl::test {

inline nlohmann::json read_json(const std::filesystem::path& path) {
  std::ifstream stream(path);
  return nlohmann::json::parse(stream);
}

class FixtureTensors {
 public:
  explicit FixtureTensors(const std::filesystem::path& path) : file_(path.string()) {}

  bool has(const std::string& name) const { return file_.find(name) != nullptr; }

  /// A copy in the stored type.
  at::Tensor operator()(const std::string& name) const {
    const ParameterView* view = file_.find(name);
    require(view != nullptr, "fixture tensor " + name + " is missing");
    const auto type = view->type == DType::f64   ? at::kDouble
                      : view->type == DType::i64 ? at::kLong
                      : view->type == DType::i32 ? at::kInt
                                                 : at::kFloat;
    at::Tensor copy = at::empty(view->shape, type);
    std::memcpy(copy.data_ptr(), view->data, view->bytes());
    return copy;
  }

 private:
  SafetensorsFile file_;
};

inline double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  if (a.numel() == 0) return 0;
  return (a.detach().to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

inline void check_close(const std::string& what, const at::Tensor& value, const at::Tensor& expected,
                        double tolerance) {
  INFO(what);
  CHECK(value.sizes() == expected.sizes());
  CHECK(largest_difference(value, expected) <= tolerance);
}

}  // namespace clawrl::test
