#!/usr/bin/env bash
# Brings the real clients of the tests into $CLAWRL_CLIENTS_DIR, else .deps/clients: OpenClaw, Node and the openai package
# for Node (package.json), the openai package for Python (requirements.txt). About 850 MB. Nothing that they ship is run.
# A network fault is tried once more; then it says loudly what is missing and ends with 1, and the tests skip.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/../../jobs/environment.sh"
target=${CLAWRL_CLIENTS_DIR:-$ROOT/.deps/clients}
mkdir -p "$target"

have_node_packages() {
  python3 - "$here/package.json" "$target/node_modules" <<'PY' 2>/dev/null
import json, sys
wanted = json.load(open(sys.argv[1]))["dependencies"]
have = {name: json.load(open(f"{sys.argv[2]}/{name}/package.json"))["version"] for name in wanted}
sys.exit(have != wanted)
PY
}

have_python_packages() {
  "$target/venv/bin/python" - "$here/requirements.txt" <<'PY' 2>/dev/null
import importlib.metadata as m, sys
pins = [line.strip().split("==") for line in open(sys.argv[1]) if "==" in line]
sys.exit(any(m.version(name) != version for name, version in pins))
PY
}

install_node_packages() {
  command -v npm >/dev/null || { echo "there is no npm"; return 1; }
  cp "$here/package.json" "$target/package.json"
  (cd "$target" && npm install --ignore-scripts --no-audit --no-fund --no-package-lock)
}

install_python_packages() {
  { [ -x "$target/venv/bin/python" ] || python3 -m venv "$target/venv"; } &&
    "$target/venv/bin/pip" install -q --no-deps --no-compile --disable-pip-version-check -r "$here/requirements.txt"
}

# bring <what> <have> <install>
bring() {
  "$2" && return
  say "installing $1 into $target"
  local log; log=$(mktemp)
  for attempt in 1 2; do
    { "$3" >"$log" 2>&1 && "$2"; } && { rm -f "$log"; return; }
    [ $attempt = 2 ] || sleep 5
  done
  tail -5 "$log" >&2
  say "MISSING: $1 could not be installed (no network for packages?); the tests of real clients that need it will skip; the log is $log" >&2
  missing=1
}

missing=0
if [ "$(uname -sm)" = "Linux x86_64" ]; then
  bring "OpenClaw, Node and the openai package for Node (about 830 MB)" have_node_packages install_node_packages
else
  say "MISSING: OpenClaw's Node is pinned for Linux on x86_64 only; its tests will skip" >&2
  missing=1
fi
bring "the openai package for Python (about 30 MB)" have_python_packages install_python_packages
exit $missing
