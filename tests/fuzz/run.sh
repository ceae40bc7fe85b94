#!/usr/bin/env bash
# Searches with libFuzzer from the kept corpus, CLAWRL_FUZZ_SECONDS (default 20) per target; any crash, hang, sanitizer
# report or memory beyond 3 GB fails. What is found stays in build/fuzz/tests/fuzz_found; --keep merges what reaches new
# code into tests/fuzz/corpus (hundreds of files: commit a selection; a crash always).
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../../jobs/environment.sh"
CLAWRL_FUZZ=1 bash "$ROOT/jobs/install_dependencies.sh"
. "$ROOT/jobs/environment.sh"
cd "$ROOT"
build=$ROOT/build/fuzz
cmake --preset fuzz -DCLAWRL_FUZZ_SECONDS="${CLAWRL_FUZZ_SECONDS:-20}" >/dev/null || fail "configuring failed"
targets=$(cd tests/fuzz && ls fuzz_*.cpp | sed 's/\.cpp//')
# shellcheck disable=SC2086
cmake --build --preset fuzz --target $targets >"$build/build.log" 2>&1 || { grep -E "error|FAILED" "$build/build.log" | head >&2; fail "the build failed; see $build/build.log"; }
if [ "${1:-}" = --keep ]; then
  for target in $targets; do
    name=${target#fuzz_}
    "$build/tests/$target" -merge=1 -max_len=20000 "tests/fuzz/corpus/$name" "$build/tests/fuzz_found/$name" 2>&1 | tail -1
  done
  exit
fi
ctest --test-dir "$build" -L fuzz --output-on-failure -j2
