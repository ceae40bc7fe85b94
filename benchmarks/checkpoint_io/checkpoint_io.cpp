// How close does a checkpoint come to a plain write + fsync (and read) of the same bytes, in the same run?

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "checkpoint/checkpoint_reader.hpp"
#include "checkpoint/checkpoint_writer.hpp"
#include "core/error.hpp"

using namespace clawrl;
namespace fs = std::filesystem;

namespace {

/// f32 tensors of the shapes of a decoder layer, until `bytes` are reached.
struct State {
  std::vector<std::vector<float>> storage;
  std::vector<ParameterView> views;
  explicit State(std::size_t bytes) {
    std::mt19937 random(1);
    const std::int64_t width = 1024;
    for (std::size_t total = 0; total < bytes; total += storage.back().size() * sizeof(float)) {
      const std::int64_t rows = storage.size() % 4 == 0 ? 3 * width : width;
      storage.emplace_back(static_cast<std::size_t>(rows * width));
      for (auto& value : storage.back()) value = static_cast<float>(random()) * 1e-9F;
      views.push_back({"model.layers." + std::to_string(storage.size()) + ".weight",
                       DType::f32,
                       {rows, width},
                       nullptr,
                       MemorySpace::host});
      views.back().data = storage.back().data();
    }
  }
  std::size_t bytes() const {
    std::size_t sum = 0;
    for (const auto& view : views) sum += view.bytes();
    return sum;
  }
};

template <class Body>
double seconds(Body body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void must(bool holds, const char* what) {
  if (!holds) throw UserError(std::string(what) + " failed");
}

void write_plain(const fs::path& path, const State& state) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  must(file >= 0, "open");
  for (const auto& view : state.views)
    for (std::size_t done = 0; done < view.bytes();) {
      const auto count = ::write(file, static_cast<const char*>(view.data) + done, view.bytes() - done);
      must(count > 0, "write");
      done += static_cast<std::size_t>(count);
    }
  must(::fsync(file) == 0, "fsync");
  ::close(file);
}

void read_plain(const fs::path& path, State& state) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  must(file >= 0, "open");
  for (auto& view : state.views)
    for (std::size_t done = 0; done < view.bytes();) {
      const auto count = ::read(file, static_cast<char*>(view.data) + done, view.bytes() - done);
      must(count > 0, "read");
      done += static_cast<std::size_t>(count);
    }
  ::close(file);
}

/// Puts a file out of the page cache, so that a read meets the disk.
void forget(const fs::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  must(file >= 0, "open");
  ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
  ::close(file);
}

void forget_all(const std::string& folder) {
  for (const auto& entry : fs::directory_iterator(folder)) forget(entry.path());
}

std::string write_whole(const std::string& root, const State& state, int shards) {
  RunState run;
  run.step = 1;
  std::vector<ShardInfo> infos;
  for (int rank = 0; rank < shards; ++rank)
    infos.push_back(write_shard(root, run.step, rank, shards, owned_views(state.views, shards, rank)));
  return commit_checkpoint(root, run, infos);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void print(const char* what, std::size_t bytes, const std::vector<double>& took, double reference) {
  const double middle = median(took);
  std::printf("%-34s %8.0f MB/s  %6.2f s  %5.2f x plain\n", what, static_cast<double>(bytes) / middle / 1e6, middle,
              reference / middle);
}

struct Times {
  std::vector<double> plain, first, second;
  void drop_first() {
    for (auto* times : {&plain, &first, &second}) times->erase(times->begin());
  }
};

/// What removing a file leaves to the file system (discarding its blocks) is not charged to who writes next.
void remove_settled(const fs::path& path) {
  fs::remove_all(path);
  ::sync();
}

/// Each file is removed before the next is written, so that all meet the same page cache. One round warms up.
Times measure_writes(const fs::path& plain, const std::string& root, const State& state, int rounds) {
  Times times;
  for (int round = 0; round <= rounds; ++round) {
    times.plain.push_back(seconds([&] { write_plain(plain, state); }));
    remove_settled(plain);
    times.first.push_back(seconds([&] { write_whole(root, state, 1); }));
    remove_settled(root);
    times.second.push_back(seconds([&] { write_whole(root, state, 4); }));
    remove_settled(root);
  }
  times.drop_first();
  return times;
}

Times measure_reads(const fs::path& plain, const std::string& root, State& state, int rounds) {
  Times times;
  write_plain(plain, state);
  const std::string path = write_whole(root, state, 4);
  const Checkpoint checkpoint = open_checkpoint(path);
  for (int round = 0; round <= rounds; ++round) {
    forget(plain);
    times.plain.push_back(seconds([&] { read_plain(plain, state); }));
    forget_all(path);
    times.first.push_back(seconds([&] { open_checkpoint(path, Verify::contents); }));
    forget_all(path);
    times.second.push_back(seconds([&] { load_tensors(checkpoint, state.views); }));
  }
  times.drop_first();
  return times;
}

void measure(const std::string& folder, std::size_t bytes, int rounds) {
  State state(bytes);
  const fs::path plain = fs::path(folder) / "plain";
  const std::string root = (fs::path(folder) / "checkpoints").string();
  const Times writes = measure_writes(plain, root, state, rounds), reads = measure_reads(plain, root, state, rounds);
  const std::size_t total = state.bytes();
  std::printf("%zu tensors, %.0f MB, median of %d rounds\n", state.views.size(), static_cast<double>(total) / 1e6,
              rounds);
  print("plain write + fsync", total, writes.plain, median(writes.plain));
  print("checkpoint, 1 shard", total, writes.first, median(writes.plain));
  print("checkpoint, 4 shards in turn", total, writes.second, median(writes.plain));
  print("plain read", total, reads.plain, median(reads.plain));
  print("verify all checksums", total, reads.first, median(reads.plain));
  print("load tensors, checksums checked", total, reads.second, median(reads.plain));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 4) {
    std::cerr << "usage: " << argv[0] << " FOLDER [MB = 512] [ROUNDS = 5]\n";
    return 2;
  }
  try {
    const std::string folder = std::string(argv[1]) + "/bench_checkpoint_io";
    fs::create_directories(folder);
    measure(folder, (argc > 2 ? std::stoul(argv[2]) : 512) * 1000000, argc > 3 ? std::stoi(argv[3]) : 5);
    fs::remove_all(folder);
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
