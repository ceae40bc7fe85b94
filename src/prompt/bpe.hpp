#pragma once
// Byte-pair merging of one piece of text.

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/ids.hpp"

namespace clawrl {

/// Transparent, so that a string_view finds a string without a copy.
struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
};
template <class Value>
using StringMap = std::unordered_map<std::string, Value, StringHash, std::equal_to<>>;

/// Its place in the list is its rank: earlier merges go first.
struct Merge {
  TokenId left = 0, right = 0, result = 0;
};

/// Symbols to begin with are bytes, or characters (then a character without a token falls back to its bytes).
struct BpeModel {
  static std::uint64_t joint(char32_t left, char32_t right) { return static_cast<std::uint64_t>(left) << 32 | right; }

  std::array<TokenId, 256> byte_ids{};
  bool characters = false;
  std::unordered_map<char32_t, TokenId> character_ids;
  std::unordered_set<std::uint64_t>
      joints;  // with `characters`: pairs of characters at which some merge joins two tokens
  std::vector<Merge> merges;
  bool ignore_merges = false;       // a piece that is a token as a whole needs no merging
  StringMap<TokenId> whole_pieces;  // raw bytes -> id; read only with ignore_merges
};

/// Thread-safe: keeps a bounded cache (about 65 thousand pieces) of what it has merged before.
class Bpe {
 public:
  explicit Bpe(BpeModel model);
  ~Bpe();

  /// Appends the ids of one piece (raw bytes, any length below 2^31; valid UTF-8 with `characters`) to `ids`. Takes
  /// O(n log n) for n bytes.
  void encode(std::string_view piece, std::vector<TokenId>& ids) const;

 private:
  class PairTable;
  class PieceCache;
  void encode_characters(std::string_view piece, std::vector<TokenId>& ids) const;
  void encode_cached(std::string_view piece, std::vector<TokenId>& ids) const;
  void merge(std::string_view piece, std::vector<TokenId>& ids) const;
  void put_symbols(std::string_view piece, std::vector<TokenId>& symbols) const;
  std::size_t merge_short(TokenId* symbols, std::size_t count) const;
  void merge_long(const std::vector<TokenId>& symbols, std::vector<TokenId>& ids) const;

  BpeModel model_;
  std::unique_ptr<PairTable> pairs_;
  std::unique_ptr<PieceCache> cache_;
};

}  // namespace clawrl
