#pragma once
// The clients: many streams on one thread, and one request after the other.

#include <cstdint>
#include <string>
#include <vector>

namespace clawrl::bench {

struct StreamsResult {
  int opened = 0, complete = 0;     // complete: all tokens in order, finish and [DONE]
  std::vector<double> overhead_ms;  // of each token: made by the policy -> read by the client
  double seconds = 0;
};

/// `count` streams of `tokens` tokens each, one every `every_ms`, begun spread over one such interval.
StreamsResult run_streams(int port, int count, int tokens, double every_ms);

/// `count` streams, `at_once` at one time, each given up after its first bytes. Returns how many got those.
int abort_streams(int port, int count, int at_once);

/// Milliseconds from sending `request` to the first byte of the answer, on one kept connection to each port, in turns.
/// An answer has ended when it holds `ends[i]`.
std::vector<std::vector<double>> first_bytes(const std::vector<int>& ports, const std::vector<std::string>& requests,
                                             const std::vector<std::string>& ends, int rounds);

std::string chat_request(const std::string& text);

}  // namespace clawrl::bench
