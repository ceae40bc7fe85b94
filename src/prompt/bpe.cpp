#include "prompt/bpe.hpp"

#include <algorithm>
#include <limits>
#include <mutex>
#include <queue>

#include "prompt/utf8.hpp"

namespace clawrl {

/// Open addressing: one cache line per look-up, which is where a cold encode spends its time.
class Bpe::PairTable {
 public:
  struct Entry {
    std::uint64_t pair = empty;
    std::int32_t rank = -1;
    TokenId result = -1;
  };

  explicit PairTable(const std::vector<Merge>& merges) {
    std::size_t capacity = 16;
    while (capacity < 2 * merges.size()) capacity *= 2;
    entries_.resize(capacity);
    for (std::size_t rank = 0; rank < merges.size(); ++rank) {
      const Merge& merge = merges[rank];
      const std::uint64_t pair = key(merge.left, merge.right);
      entries_[slot(pair)] = {pair, static_cast<std::int32_t>(rank), merge.result};
    }
  }

  /// nullptr if the two never merge.
  const Entry* find(TokenId left, TokenId right) const {
    const Entry& entry = entries_[slot(key(left, right))];
    return entry.pair == empty ? nullptr : &entry;
  }

 private:
  static constexpr std::uint64_t empty = ~0ULL;

  static std::uint64_t key(TokenId left, TokenId right) {
    return static_cast<std::uint64_t>(left) << 32 | static_cast<std::uint32_t>(right);
  }

  std::size_t slot(std::uint64_t pair) const {
    const std::size_t mask = entries_.size() - 1;
    std::size_t i = (pair * 0x9E3779B97F4A7C15ULL >> 20) & mask;
    while (entries_[i].pair != empty && entries_[i].pair != pair) i = (i + 1) & mask;
    return i;
  }

  std::vector<Entry> entries_;
};

/// Sharded so that request threads seldom meet; a full shard starts afresh, which bounds the memory.
class Bpe::PieceCache {
 public:
  static constexpr std::size_t longest_piece = 48;  // bytes; longer ones hardly repeat

  bool find(std::string_view piece, std::vector<TokenId>& ids) {
    Shard& shard = shard_of(piece);
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.pieces.find(piece);
    if (found == shard.pieces.end()) return false;
    ids.insert(ids.end(), found->second.begin(), found->second.end());
    return true;
  }

  void insert(std::string_view piece, std::vector<TokenId> ids) {
    Shard& shard = shard_of(piece);
    const std::lock_guard lock(shard.mutex);
    if (shard.pieces.size() >= pieces_per_shard) shard.pieces.clear();
    shard.pieces.emplace(piece, std::move(ids));
  }

 private:
  static constexpr std::size_t pieces_per_shard = 2048;
  struct Shard {
    std::mutex mutex;
    StringMap<std::vector<TokenId>> pieces;
  };
  Shard& shard_of(std::string_view piece) {
    return shards_[(piece.size() * 31 + static_cast<unsigned char>(piece.back())) % shards_.size()];
  }
  std::array<Shard, 32> shards_;
};

namespace {
constexpr std::size_t short_piece = 32;  // bytes
}

Bpe::Bpe(BpeModel model)
    : model_(std::move(model)),
      pairs_(std::make_unique<PairTable>(model_.merges)),
      cache_(std::make_unique<PieceCache>()) {}

Bpe::~Bpe() = default;

void Bpe::encode(std::string_view piece, std::vector<TokenId>& ids) const {
  if (piece.empty()) return;
  if (model_.characters) return encode_characters(piece, ids);
  if (piece.size() == 1) return ids.push_back(model_.byte_ids[static_cast<unsigned char>(piece[0])]);
  if (model_.ignore_merges) {
    const auto whole = model_.whole_pieces.find(piece);
    if (whole != model_.whole_pieces.end()) return ids.push_back(whole->second);
  }
  encode_cached(piece, ids);
}

/// A piece may be a whole text. No merge ever crosses a place whose two characters no merge joins, so that the text can
/// be cut there (in practice before every word) without changing the ids.
void Bpe::encode_characters(std::string_view piece, std::vector<TokenId>& ids) const {
  std::size_t begin = 0, at = utf8_step(piece).length;
  char32_t left = code_point(piece);
  while (at < piece.size()) {
    const std::string_view rest = piece.substr(at);
    const char32_t right = code_point(rest);
    if (!model_.joints.contains(BpeModel::joint(left, right))) {
      encode_cached(piece.substr(begin, at - begin), ids);
      begin = at;
    }
    left = right;
    at += utf8_step(rest).length;
  }
  encode_cached(piece.substr(begin), ids);
}

void Bpe::encode_cached(std::string_view piece, std::vector<TokenId>& ids) const {
  if (piece.size() > PieceCache::longest_piece) return merge(piece, ids);
  if (cache_->find(piece, ids)) return;
  const auto before = static_cast<std::ptrdiff_t>(ids.size());
  merge(piece, ids);
  cache_->insert(piece, {ids.begin() + before, ids.end()});
}

void Bpe::put_symbols(std::string_view piece, std::vector<TokenId>& symbols) const {
  if (!model_.characters) {
    for (const char byte : piece) symbols.push_back(model_.byte_ids[static_cast<unsigned char>(byte)]);
    return;
  }
  while (!piece.empty()) {
    const std::size_t length = utf8_step(piece).length;
    const auto known = model_.character_ids.find(code_point(piece));
    if (known != model_.character_ids.end()) {
      symbols.push_back(known->second);
    } else {
      for (const char byte : piece.substr(0, length))
        symbols.push_back(model_.byte_ids[static_cast<unsigned char>(byte)]);
    }
    piece.remove_prefix(length);
  }
}

void Bpe::merge(std::string_view piece, std::vector<TokenId>& ids) const {
  if (piece.size() > short_piece) {
    std::vector<TokenId> symbols;
    symbols.reserve(piece.size());
    put_symbols(piece, symbols);
    return merge_long(symbols, ids);
  }
  const std::size_t before = ids.size();
  put_symbols(piece, ids);
  ids.resize(before + merge_short(ids.data() + before, ids.size() - before));
}

/// In place, by looking through all pairs for the lowest rank again and again: for a word that is faster than a queue.
std::size_t Bpe::merge_short(TokenId* symbols, std::size_t count) const {
  static constexpr PairTable::Entry none{};
  std::array<const PairTable::Entry*, short_piece> pairs;  // pairs[i] = of symbols i and i + 1
  const auto look_up = [&](std::size_t i) {
    const auto* pair = pairs_->find(symbols[i], symbols[i + 1]);
    pairs[i] = pair ? pair : &none;
  };
  for (std::size_t i = 0; i + 1 < count; ++i) look_up(i);
  while (count > 1) {
    std::size_t best = count;
    std::int32_t rank = std::numeric_limits<std::int32_t>::max();
    for (std::size_t i = 0; i + 1 < count; ++i)
      if (pairs[i]->rank >= 0 && pairs[i]->rank < rank) rank = pairs[best = i]->rank;
    if (best == count) break;
    symbols[best] = pairs[best]->result;
    std::copy(symbols + best + 2, symbols + count, symbols + best + 1);
    if (best + 2 < count) std::copy(pairs.begin() + best + 2, pairs.begin() + count - 1, pairs.begin() + best + 1);
    --count;
    if (best > 0) look_up(best - 1);
    if (best + 1 < count) look_up(best);
  }
  return count;
}

namespace {

struct Symbol {
  TokenId id = 0;
  std::int32_t previous = -1, next = -1;  // -1 = none
  bool merged_away = false;
};

struct Candidate {
  std::int32_t rank = 0, position = 0;  // of the left symbol
  TokenId result = 0;
  bool operator>(const Candidate& other) const {
    return rank != other.rank ? rank > other.rank : position > other.position;
  }
};

}  // namespace

void Bpe::merge_long(const std::vector<TokenId>& given, std::vector<TokenId>& ids) const {
  const auto count = static_cast<std::int32_t>(given.size());
  std::vector<Symbol> symbols(given.size());
  for (std::int32_t i = 0; i < count; ++i)
    symbols[static_cast<std::size_t>(i)] = {given[static_cast<std::size_t>(i)], i - 1, i + 1 < count ? i + 1 : -1,
                                            false};
  const auto at = [&](std::int32_t i) -> Symbol& { return symbols[static_cast<std::size_t>(i)]; };
  std::vector<Candidate> heap;
  heap.reserve(given.size());
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue({}, std::move(heap));
  const auto offer = [&](std::int32_t left) {
    if (left < 0 || at(left).next < 0) return;
    const auto* pair = pairs_->find(at(left).id, at(at(left).next).id);
    if (pair) queue.push({pair->rank, left, pair->result});
  };
  for (std::int32_t i = 0; i + 1 < count; ++i) offer(i);
  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    Symbol& left = at(best.position);
    if (left.merged_away || left.next < 0) continue;
    Symbol& right = at(left.next);
    const auto* pair = pairs_->find(left.id, right.id);
    if (!pair || pair->rank != best.rank) continue;  // one of the two has merged with another meanwhile
    left.id = best.result;
    right.merged_away = true;
    left.next = right.next;
    if (left.next >= 0) at(left.next).previous = best.position;
    offer(best.position);
    offer(left.previous);
  }
  for (std::int32_t i = 0; i >= 0; i = at(i).next) ids.push_back(at(i).id);
}

}  // namespace clawrl
