#pragma once
// What a checkpoint says of the run besides its tensors, and what it knows of its files.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/ids.hpp"
#include "core/parameter_view.hpp"

namespace clawrl {

/// Example: step 12 made version 12; the journal stood at watermark 4711 when the weights were written.
struct RunState {
  std::int64_t step = 0;                   // optimiser steps done
  PolicyVersion version;                   // of the weights inside
  std::int64_t journal_watermark = 0;      // the journal must have reached it when this is resumed
  std::uint64_t seed = 0;                  // of the run
  std::map<std::string, std::string> rng;  // named generator states, as text
  std::string configuration;               // resolved, as text
  std::string base_model_hash;
  std::string clawrl_version;
  double created_s = 0;  // Unix seconds; set by commit_checkpoint() when 0
};

struct TensorInfo {
  std::string name;
  DType type = DType::f32;
  std::vector<std::int64_t> shape;
  std::uint64_t offset = 0;    // of the contents in the shard's file
  std::uint64_t bytes = 0;     // of the contents
  std::uint64_t checksum = 0;  // XXH3-64 of the contents, row major, little endian
  template <class Archive>
  void serialize(Archive& archive) {
    archive(name, type, shape, offset, bytes, checksum);
  }
};

/// What one trainer rank wrote; travels to rank 0, which commits.
struct ShardInfo {
  std::string file;  // shard_1_of_4.h5
  std::int32_t rank = 0, count = 1;
  std::uint64_t bytes = 0;     // of the file
  std::uint64_t checksum = 0;  // XXH3-64 of all of the file but the tensors' contents, which have their own
  std::vector<TensorInfo> tensors;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(file, rank, count, bytes, checksum, tensors);
  }
};

}  // namespace clawrl
