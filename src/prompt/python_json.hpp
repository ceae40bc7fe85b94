#pragma once
// JSON text as Python's json.dumps(ensure_ascii=False) writes it: what chat templates were trained on.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace clawrl {

/// ", " and ": " between, key order kept, integers of any size kept, floats with Python's shortest digits.
/// Example: {"a":1e16,"b":[]} -> {"a": 1e+16, "b": []}. nullopt if it is not JSON.
std::optional<std::string> python_json(std::string_view json);

/// The same for every element of an array; nullopt if it is not JSON or not an array.
std::optional<std::vector<std::string>> python_json_elements(std::string_view json_array);

/// A Python float's repr. Example: 0.1, 1.0, 1e-07, 1e+16.
std::string python_float(double value);

}  // namespace clawrl
