#!/usr/bin/env bash
# models_reference.sh OUT TEST_PROGRAM: makes the folders in OUT and gives them to the model reference test.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
rm -rf "$1"
"$ORACLE_PYTHON" "$here/make_models.py" "$1"
CLAWRL_ORACLE_MODELS=$(printf '%s:' "$1"/*/ | sed 's/:$//') "$2"
