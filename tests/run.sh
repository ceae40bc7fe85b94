#!/usr/bin/env bash
# Builds everything and runs all tests. Arguments go to ctest, e.g. -L pipeline or -R journal.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../jobs/environment.sh"
bash "$ROOT/jobs/install_dependencies.sh"
. "$ROOT/jobs/environment.sh"
cd "$ROOT"
cmake --preset "$PRESET" >/dev/null || fail "configuring failed"
log=$BUILD/build.log
say "building ($PRESET); the log is $log"
cmake --build --preset "$PRESET" >"$log" 2>&1 || { grep -E "error|FAILED" "$log" | head -20 >&2; fail "the build failed; see $log"; }
ctest --test-dir "$BUILD" --output-on-failure -j2 "$@"
