#pragma once
// A bounded wait for what a job does by itself.

#include <chrono>
#include <thread>

namespace clawrl::test {

/// Until it holds, 90 s at most.
template <class Condition>
bool eventually(Condition condition) {
  using namespace std::chrono_literals;
  for (const auto end = std::chrono::steady_clock::now() + 90s; std::chrono::steady_clock::now() < end;) {
    if (condition()) return true;
    std::this_thread::sleep_for(50ms);
  }
  return false;
}

}  // namespace clawrl::test
