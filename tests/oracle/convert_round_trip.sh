#!/usr/bin/env bash
# convert_round_trip.sh OUT CONVERT: every made folder to a checkpoint and back.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
rm -rf "$1"
"$ORACLE_PYTHON" "$here/make_models.py" "$1/models" >/dev/null
"$ORACLE_PYTHON" "$here/check_round_trip.py" "$2" "$1/models" "$1/made"
rm -rf "$1"
