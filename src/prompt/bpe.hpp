#pragma once
// Byte-pair merging of one piece of text.

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/ids.hpp"

namespace clawrl {

/// Transparent, so that a string_view finds a string without a copy.
struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
};
template <class Value> using StringMap = std::unordered_map<std::string, Value, StringHash, std::equal_to<>>;

/// Its place in the list is its rank: earlier merges go first.
struct Merge {
  TokenId left = 0, right = 0, result = 0;
};

struct BpeModel {
  std::array<TokenId, 256> byte_ids{};
  std::vector<Merge> merges;
  bool ignore_merges = false;      // a piece that is a token as a whole needs no merging
  StringMap<TokenId> whole_pieces;  // raw bytes -> id; read only with ignore_merges
};

/// Thread-safe: keeps a bounded cache (about 65 thousand pieces) of what it has merged before.
class Bpe {
 public:
  explicit Bpe(BpeModel model);
  ~Bpe();

  /// Appends the ids of one piece (raw bytes, any length below 2^31) to `ids`.
  void encode(std::string_view piece, std::vector<TokenId>& ids) const;

 private:
  class PairTable;
  class PieceCache;
  void merge(std::string_view piece, std::vector<TokenId>& ids) const;

  BpeModel model_;
  std::unique_ptr<PairTable> pairs_;
  std::unique_ptr<PieceCache> cache_;
};

}  // namespace clawrl
