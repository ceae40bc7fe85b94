#pragma once
// How new weights reach the ranks that use them, without stopping anything.
//
//   push      each trainer rank sends the parameters it owns to every receiver (shard to shard, no gather), in chunks
//   verify    a receiver copies them into a shadow set on its MPI thread while its compute thread decodes on; when all
//             bytes are in and every checksum agrees it tells the head (VersionComplete)
//   announce  when all receivers are complete the head sends UseVersion; a rank adopts it between two decode steps
//   retire    the version before is freed on a rank when its last sequence ends

#include <cstdint>
#include <span>
#include <vector>

#include "comm/mailbox.hpp"
#include "core/parameter_view.hpp"

namespace clawrl {

class WeightPublisher {
 public:
  /// This is trainer `index` of `count`. The mailbox must outlive the publisher.
  WeightPublisher(Mailbox& mailbox, int index, int count, std::int64_t chunk_bytes)
      : mailbox_(mailbox), index_(index), count_(count), chunk_bytes_(chunk_bytes) {}

  /// Pushes the owned part of `views` (all of the model's, host memory, same order on every rank) to each receiver.
  /// The bytes are copied before it returns. Returns the bytes sent. Not collective.
  std::int64_t publish(std::int64_t version, std::span<const ParameterView> views, std::span<const int> receivers);

 private:
  Mailbox& mailbox_;
  int index_, count_;
  std::int64_t chunk_bytes_;
};

}  // namespace clawrl
