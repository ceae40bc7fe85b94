#pragma once
// A folder for one test and a small model's state to put into checkpoints.

#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "checkpoint/checkpoint_reader.hpp"
#include "checkpoint/checkpoint_writer.hpp"

namespace clawrl::test {

/// Removed at the end, with all that is in it.
struct Folder {
  std::filesystem::path path;
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "clawrl_checkpoint_XXXXXX").string();
    if (!::mkdtemp(name.data())) throw std::runtime_error("cannot make " + name);
    path = name;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::string root() const { return (path / "checkpoints").string(); }
};

/// Owns tensors of random bits (NaNs, denormals and all), the same for the same seed.
struct Tensors {
  std::vector<std::vector<std::byte>> storage;
  std::vector<ParameterView> views;

  void add(const std::string& name, DType type, std::vector<std::int64_t> shape) {
    ParameterView view{name, type, std::move(shape), nullptr, MemorySpace::host};
    storage.emplace_back(view.bytes());
    view.data = storage.back().data();
    views.push_back(view);
  }
  void randomise(unsigned seed) {
    std::mt19937 random(seed);
    for (auto& bytes : storage)
      for (auto& byte : bytes) byte = static_cast<std::byte>(random());
  }
  void zero() {
    for (auto& bytes : storage) std::fill(bytes.begin(), bytes.end(), std::byte{0});
  }
};

/// As a learner's state(): parameters, moments, step counter; and every other type once.
inline Tensors make_tensors(unsigned seed, std::int64_t width = 16) {
  Tensors made;
  for (const std::string prefix : {"", "adam.m.", "adam.v."}) {
    made.add(prefix + "model.embed_tokens.weight", DType::f32, {50, width});
    made.add(prefix + "model.norm.weight", DType::f32, {width});
    for (const std::string layer : {"0", "1"})
      for (const std::string part : {".mlp.up_proj.weight", ".self_attn.q_proj.weight"})
        made.add(prefix + "model.layers." + layer + part, DType::f32, {2 * width, width});
  }
  made.add("adam.step", DType::i64, {1});
  made.add("extra.bf16", DType::bf16, {3, 5});
  made.add("extra.f16", DType::f16, {7});
  made.add("extra.f64", DType::f64, {2, 2, 2});
  made.add("extra.i32", DType::i32, {4});
  made.add("extra.u8", DType::u8, {9});
  made.add("extra.scalar", DType::f32, {});
  made.add("extra.empty", DType::f32, {0, 4});
  made.randomise(seed);
  return made;
}

inline RunState make_state(std::int64_t step) {
  RunState state;
  state.step = step;
  state.version = {"main", step, "base-hash", ""};
  state.journal_watermark = 1000 + step;
  state.seed = 0xFFFFFFFFFFFFFFF0ULL;
  state.rng = {{"sampler", "1 2 3"}, {"trainer", ""}};
  state.configuration = "ranks = 8\nmethod = combined\n";
  state.base_model_hash = "0123abcd";
  state.clawrl_version = "0.1.0";
  state.created_s = 1234567890.125;
  return state;
}

/// The whole protocol as `count` trainer ranks would follow it. Returns the checkpoint's folder.
inline std::string write_checkpoint(const std::string& root, std::int64_t step, const Tensors& tensors, int count) {
  std::vector<ShardInfo> shards;
  for (int rank = 0; rank < count; ++rank)
    shards.push_back(write_shard(root, step, rank, count, owned_views(tensors.views, count, rank)));
  return commit_checkpoint(root, make_state(step), shards);
}

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_file(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc).write(bytes.data(), static_cast<long>(bytes.size()));
}

}  // namespace clawrl::test
