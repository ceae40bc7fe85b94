# Sourced by the scripts: where the toolchain is, and what Open MPI wants of root. Sets ROOT, MPIRUN, PRESET, BUILD.
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PRESET=${CLAWRL_PRESET:-release}
BUILD=$ROOT/build/$PRESET
VENV=$ROOT/.deps/venv
MPIRUN=$VENV/bin/mpirun
[ -x "$MPIRUN" ] || MPIRUN=$(command -v mpirun || true)
if [ "$(id -u)" = 0 ]; then
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 PRTE_ALLOW_RUN_AS_ROOT=1 PRTE_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi

fail() { echo "clawrl: $*" >&2; exit 1; }
say() { echo "clawrl: $*"; }
