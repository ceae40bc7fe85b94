#pragma once
// The seam to HDF5: everything else in checkpoint/ speaks to it through these. Internal. Every error is a UserError
// "<path>: HDF5: <reason>". Calls take turns (a mutex), whatever HDF5 was built like.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/run_state.hpp"

namespace clawrl {

/// Tensors lie in groups: model.layers.0.mlp -> /model/layers/0/mlp. UserError for names that this cannot hold: empty,
/// with empty parts, '/', blanks or control characters.
std::string dataset_path(const std::string& tensor_name);

class Hdf5File {
 public:
  static Hdf5File create(const std::string& path);
  /// Lives in memory until image() is taken; `path` is for messages.
  static Hdf5File create_in_memory(const std::string& path);
  static Hdf5File open(const std::string& path);  // read-only
  ~Hdf5File();
  Hdf5File(Hdf5File&& other) noexcept;
  Hdf5File& operator=(Hdf5File&&) = delete;
  /// Reports what the destructor would swallow.
  void close();

  /// Makes the dataset with its space in the file but writes no contents. Returns their offset in the file, for a
  /// plain write after close(); 0 for a tensor without elements.
  std::uint64_t declare(const TensorInfo& tensor);
  /// Reads tensor.name, whose type and shape must be the given ones, into host memory.
  void read(const TensorInfo& tensor, void* into);

  void write_text(const std::string& name, const std::string& text);
  std::string read_text(const std::string& name);
  std::vector<std::byte> image();

 private:
  Hdf5File(std::string path, std::int64_t id) : path_(std::move(path)), id_(id) {}
  std::string path_;
  std::int64_t id_ = -1;
};

}  // namespace clawrl
