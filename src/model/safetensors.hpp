#pragma once
// safetensors files: an 8-byte length, a JSON header, raw little-endian bytes. Reading maps the file.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/parameter_view.hpp"

namespace clawrl {

/// Read-only mapping of one file; the views stay valid as long as this object lives. Throws UserError that names the
/// file and the tensor on a truncated file, a malformed header, overlapping or out-of-range offsets, unknown types.
class SafetensorsFile {
 public:
  explicit SafetensorsFile(const std::string& path);
  ~SafetensorsFile();
  SafetensorsFile(const SafetensorsFile&) = delete;
  SafetensorsFile& operator=(const SafetensorsFile&) = delete;

  const std::vector<ParameterView>& tensors() const { return tensors_; }  // sorted by name
  const ParameterView* find(const std::string& name) const;               // nullptr if absent
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

  /// Gives a tensor's elements to `body` piece by piece ([n] views; `begin`: index of the first element) and lets go of
  /// the file's pages behind it, so that reading a large file does not add to the resident memory.
  using TakePiece = std::function<void(const ParameterView& piece, std::int64_t begin)>;
  void for_pieces(const ParameterView& tensor, const TakePiece& body) const;

 private:
  void* mapping_ = nullptr;
  std::size_t size_ = 0;
  std::vector<ParameterView> tensors_;
  std::map<std::string, std::string> metadata_;
};

/// All files of a model folder: model.safetensors, or the shards that model.safetensors.index.json names. Throws
/// UserError on a shard that is missing, lies outside the folder or lacks a tensor that the index says it holds.
std::vector<std::unique_ptr<SafetensorsFile>> open_model_folder(const std::string& folder);

/// Writes (temporary name, fsync, rename). Views must be host memory; they are written in the given order, each in its
/// own type or all converted to `type`.
void write_safetensors(const std::string& path, const std::vector<ParameterView>& tensors,
                       const std::map<std::string, std::string>& metadata = {{"format", "pt"}},
                       std::optional<DType> type = {});

/// Elements [begin, begin + count) of a view as a view of shape [count].
ParameterView part_of(const ParameterView& view, std::int64_t begin, std::int64_t count);

/// Element-wise conversion between f32, bf16 (round to nearest even) and f16. Sizes must match.
void convert(const ParameterView& from, const ParameterView& to);

}  // namespace clawrl
