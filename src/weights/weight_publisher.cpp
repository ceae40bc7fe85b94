#include "weights/weight_publisher.hpp"

#include <algorithm>

#include "core/checksum.hpp"
#include "core/partition.hpp"
#include "weights/weight_chunk.hpp"

namespace clawrl {

std::int64_t WeightPublisher::publish(std::int64_t version, std::span<const ParameterView> views,
                                      std::span<const int> receivers) {
  const std::vector<int> owner = owners_by_bytes(views, count_);
  std::int64_t sent = 0;
  for (std::size_t i = 0; i < views.size(); ++i) {
    if (owner[i] != index_) continue;
    const auto* bytes = static_cast<const std::byte*>(views[i].data);
    WeightChunk chunk;
    chunk.version = version;
    chunk.parameter = static_cast<std::int32_t>(i);
    chunk.parameters = static_cast<std::int32_t>(views.size());
    chunk.parameter_bytes = static_cast<std::int64_t>(views[i].bytes());
    chunk.parameter_checksum = checksum({bytes, views[i].bytes()});
    for (chunk.offset = 0; chunk.offset < chunk.parameter_bytes; chunk.offset += chunk_bytes_) {
      const std::int64_t size = std::min(chunk_bytes_, chunk.parameter_bytes - chunk.offset);
      for (int receiver : receivers) {
        mailbox_.send(receiver, Port::weights, chunk, Buffer(bytes + chunk.offset, bytes + chunk.offset + size));
        sent += size;
      }
    }
  }
  return sent;
}

}  // namespace clawrl
