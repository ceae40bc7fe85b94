#include "convert/weights_writer.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "convert/safetensors_stream.hpp"
#include "core/error.hpp"
#include "model/safetensors.hpp"

namespace clawrl {
namespace {

constexpr std::size_t batch_bytes = std::size_t{128} << 20;

struct Piece {
  std::string file;
  std::size_t begin = 0, end = 0;  // of the tensors
};

bool is_float(DType type) {
  return type == DType::f32 || type == DType::bf16 || type == DType::f16;
}

std::vector<ParameterView> as_written(std::vector<ParameterView> tensors, std::optional<DType> type) {
  for (ParameterView& tensor : tensors)
    if (type && is_float(tensor.type)) tensor.type = *type;
  return tensors;
}

/// In order, each file as full as it may be; a tensor that is larger than a file has one of its own.
std::vector<Piece> cut(const std::vector<ParameterView>& tensors, std::uint64_t file_bytes) {
  std::vector<Piece> pieces(1);
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (bytes > 0 && bytes + tensors[i].bytes() > file_bytes) {
      pieces.push_back({"", i, i});
      bytes = 0;
    }
    bytes += tensors[i].bytes();
    pieces.back().end = i + 1;
  }
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    char name[64];
    std::snprintf(name, sizeof name, "model-%05zu-of-%05zu.safetensors", i + 1, pieces.size());
    pieces[i].file = pieces.size() == 1 ? "model.safetensors" : name;
  }
  return pieces;
}

/// Tensors [begin, end) of the source, in memory.
struct Batch {
  std::vector<std::vector<char>> bytes;
  std::vector<ParameterView> views;

  void add(const ParameterView& tensor) {
    bytes.emplace_back(tensor.bytes());
    views.push_back(tensor);
    views.back().data = bytes.back().data();
  }
};

void write_batch(SafetensorsStream& file, const TensorSource& source, const std::vector<ParameterView>& written,
                 std::size_t begin, std::size_t end) {
  Batch batch;
  for (std::size_t i = begin; i < end; ++i) batch.add(source.tensors[i]);
  source.read(batch.views);
  for (std::size_t i = begin; i < end; ++i) {
    const ParameterView& view = batch.views[i - begin];
    if (view.type == written[i].type) {
      file.append(view);
      continue;
    }
    Batch converted;
    converted.add(written[i]);
    convert(view, converted.views.front());
    file.append(converted.views.front());
  }
}

void write_piece(const std::string& path, const TensorSource& source, const std::vector<ParameterView>& written,
                 const Piece& piece) {
  SafetensorsStream file(path, std::span(written).subspan(piece.begin, piece.end - piece.begin));
  for (std::size_t begin = piece.begin; begin < piece.end;) {
    std::size_t end = begin, bytes = 0;
    do bytes += source.tensors[end++].bytes();
    while (end < piece.end && bytes + source.tensors[end].bytes() <= batch_bytes);
    write_batch(file, source, written, begin, end);
    begin = end;
  }
  file.close();
}

void write_index(const std::string& path, const std::vector<ParameterView>& tensors, const std::vector<Piece>& pieces,
                 std::uint64_t bytes) {
  nlohmann::ordered_json index = {{"metadata", {{"total_size", bytes}}},
                                  {"weight_map", nlohmann::ordered_json::object()}};
  for (const Piece& piece : pieces)
    for (std::size_t i = piece.begin; i < piece.end; ++i) index["weight_map"][tensors[i].name] = piece.file;
  std::ofstream file(path);
  file << index.dump(2) << '\n' << std::flush;
  require(file.good(), path + ": cannot be written");
}

}  // namespace

ConvertResult write_weights(const TensorSource& source, const std::string& folder, std::optional<DType> type,
                            std::uint64_t file_bytes) {
  const auto written = as_written(source.tensors, type);
  const auto pieces = cut(written, file_bytes);
  ConvertResult result;
  for (const ParameterView& tensor : written) result.bytes += tensor.bytes();
  for (const Piece& piece : pieces) write_piece(folder + "/" + piece.file, source, written, piece);
  if (pieces.size() > 1) write_index(folder + "/model.safetensors.index.json", written, pieces, result.bytes);
  result.tensors = written.size();
  result.files = pieces.size();
  return result;
}

}  // namespace clawrl
