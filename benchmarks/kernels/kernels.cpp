// Microseconds per row of the row kernels, beside the plain loops of reference.hpp.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "kernels/log_softmax.hpp"
#include "kernels/reference.hpp"
#include "kernels/runtime.hpp"
#include "kernels/sampling.hpp"
#include "kernels/top_k.hpp"

using namespace clawrl;

namespace {

volatile double sink = 0;  // keeps results alive

/// CPU time of this thread: the machine may be busy with other things.
double now_us() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) * 1e-3;
}

/// Median microseconds of `repeats` calls.
double median_us(int repeats, const std::function<double(int)>& call) {
  std::vector<double> times;
  for (int i = 0; i < repeats; ++i) {
    const double begin = now_us();
    sink = call(i);
    times.push_back(now_us() - begin);
  }
  std::nth_element(times.begin(), times.begin() + repeats / 2, times.end());
  return times[static_cast<std::size_t>(repeats / 2)];
}

void report(const char* what, std::int64_t vocabulary, double kernel_us, double plain_us) {
  std::printf("| %-34s | %7ld | %10.2f | %10.2f | %6.1f |\n", what, static_cast<long>(vocabulary), kernel_us, plain_us,
              plain_us / kernel_us);
}

void measure_sampling(const char* what, TensorRef<const float> logits, SamplingParameters parameters,
                      std::int32_t record) {
  std::vector<kernels::SamplingRow> rows(static_cast<std::size_t>(logits.rows), {parameters, 0, record});
  std::vector<kernels::SampledToken> out(rows.size());
  const double kernel = median_us(51, [&](int i) {
    for (auto& row : rows) ++row.position;
    kernels::sample(logits, rows, out);
    return static_cast<double>(out[static_cast<std::size_t>(i) % out.size()].id);
  });
  const double plain = median_us(5, [&](int i) {
    return static_cast<double>(kernels::reference::sample(logits.row(0), rows[static_cast<std::size_t>(i) % 2]).id);
  });
  report(what, logits.columns, kernel / static_cast<double>(logits.rows), plain);
}

void measure_gather(TensorRef<const float> logits) {
  std::vector<TokenId> ids(static_cast<std::size_t>(logits.rows), 1);
  std::vector<float> out(ids.size());
  const double kernel = median_us(51, [&](int) {
    kernels::gather_logprobs(logits, 0.7F, ids, out);
    return out[0];
  });
  const double plain = median_us(5, [&](int) { return kernels::reference::log_softmax(logits.row(0), 0.7)[1]; });
  report("gather_logprobs", logits.columns, kernel / static_cast<double>(logits.rows), plain);
}

}  // namespace

int main() {
  const KernelRuntime runtime;
  std::printf("%s; 8 rows a call, median CPU us per row\n\n", KernelRuntime::description().c_str());
  std::printf("| operation | V | kernel us | plain us | ratio |\n|---|---|---|---|---|\n");
  for (std::int64_t vocabulary : {2300L, 32000L, 151936L}) {
    std::mt19937 generator(1);
    std::normal_distribution<float> normal(0, 3);
    std::vector<float> values(static_cast<std::size_t>(8 * vocabulary));
    for (auto& value : values) value = normal(generator);
    const auto logits = rows_of(values, vocabulary);
    measure_gather(logits);
    measure_sampling("sample, greedy", logits, {0, 1, 0, 1}, 0);
    measure_sampling("sample, temperature 1", logits, {1, 1, 0, 1}, 0);
    measure_sampling("sample, temperature 0.7", logits, {0.7F, 1, 0, 1}, 0);
    measure_sampling("sample, temperature 1, record 4", logits, {1, 1, 0, 1}, 4);
    measure_sampling("sample, top-k 50", logits, {1, 1, 50, 1}, 0);
    measure_sampling("sample, top-p 0.9", logits, {1, 0.9F, 0, 1}, 0);
  }
}
