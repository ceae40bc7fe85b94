#pragma once
// Server-sent events, both ends, and the chunks of HTTP/1.1 that carry them.

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace clawrl {

inline constexpr std::string_view kSseDone = "data: [DONE]\n\n";
inline constexpr std::string_view kLastHttpChunk = "0\r\n\r\n";

/// `data` is one line (JSON as dump() writes it).
inline std::string sse_event(std::string_view data) {
  std::string event;
  event.reserve(data.size() + 8);
  return event.append("data: ").append(data).append("\n\n");
}

/// Not for empty content: an empty chunk would end the body.
inline std::string http_chunk(std::string_view content) {
  char size[20];
  std::snprintf(size, sizeof size, "%zx\r\n", content.size());
  return std::string(size).append(content).append("\r\n");
}

/// Cuts a byte stream into the `data` of its events, however the bytes arrive. Comments and other fields are skipped.
class SseParser {
 public:
  std::vector<std::string> feed(std::string_view bytes) {
    std::vector<std::string> events;
    for (char byte : bytes) {
      if (byte != '\n') {
        line_ += byte;
        continue;
      }
      if (!line_.empty() && line_.back() == '\r') line_.pop_back();
      end_line(events);
      line_.clear();
    }
    return events;
  }

 private:
  void end_line(std::vector<std::string>& events) {
    if (line_.empty()) {
      if (has_data_) events.push_back(std::move(data_));
      data_.clear();
      has_data_ = false;
    } else if (line_.starts_with("data:")) {
      if (has_data_) data_ += '\n';
      data_ += line_.substr(line_.starts_with("data: ") ? 6 : 5);
      has_data_ = true;
    }
  }

  std::string line_, data_;
  bool has_data_ = false;
};

}  // namespace clawrl
