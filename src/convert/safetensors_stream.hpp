#pragma once
// One safetensors file, tensor after tensor: the header is known before the contents. Internal to convert/.

#include <span>
#include <string>

#include "core/parameter_view.hpp"

namespace clawrl {

class SafetensorsStream {
 public:
  /// Writes the header and reserves the space of the contents, so that a full disk is met here. `tensors` have no data.
  SafetensorsStream(const std::string& path, std::span<const ParameterView> tensors);
  ~SafetensorsStream();
  SafetensorsStream(const SafetensorsStream&) = delete;
  SafetensorsStream& operator=(const SafetensorsStream&) = delete;

  /// The next tensor of the header.
  void append(const ParameterView& tensor);
  void close();  // reports what the destructor would swallow

 private:
  void write(const void* data, std::size_t bytes);
  std::string path_;
  std::vector<ParameterView> tensors_;
  std::size_t next_ = 0;
  int file_ = -1;
};

}  // namespace clawrl
