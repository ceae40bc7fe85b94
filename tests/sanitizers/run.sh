#!/usr/bin/env bash
# The tests of the folders that read what clients send under the address and undefined-behaviour sanitizers, and of
# those where threads meet under the thread sanitizer (tests/CMakeLists.txt: CLAWRL_SANITIZED_FOLDERS). Arguments go to ctest.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../../jobs/environment.sh"
bash "$ROOT/jobs/install_dependencies.sh"
. "$ROOT/jobs/environment.sh"
cd "$ROOT"
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
for preset in asan tsan; do
  build=$ROOT/build/$preset
  cmake --preset "$preset" -DCMAKE_CXX_FLAGS=-O1 -DCMAKE_CXX_FLAGS_DEBUG=-g1 -DCLAWRL_BENCHMARKS=OFF >/dev/null || fail "configuring failed ($preset)"
  say "building the tests without torch and MPI ($preset); the log is $build/build.log"
  cmake --build --preset "$preset" --target sanitized_tests >"$build/build.log" 2>&1 ||
    { grep -E "error|FAILED" "$build/build.log" | head -20 >&2; fail "the build failed; see $build/build.log"; }
  ctest --test-dir "$build" -L sanitized --output-on-failure -j2 "$@"
done
