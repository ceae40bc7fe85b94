#!/usr/bin/env bash
# with_oracle.sh COMMAND...: runs it with $ORACLE_PYTHON set to a Python that has transformers, PEFT and tokenizers;
# without one says so and ends with ctest's skip code. $CLAWRL_ORACLE_PYTHON names another than that of .deps/venv.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=${CLAWRL_ORACLE_PYTHON:-$here/../../.deps/venv/bin/python}
if ! "$python" -c 'import importlib.util as u, sys
sys.exit(any(u.find_spec(n) is None for n in ("torch", "transformers", "tokenizers", "peft", "safetensors", "numpy")))' 2>/dev/null
then
  echo "SKIPPED: no transformers and PEFT in $python (CLAWRL_ORACLE=1 jobs/install_dependencies.sh brings them)"
  exit 77
fi
export ORACLE_PYTHON=$python OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false HF_HUB_OFFLINE=1 PYTHONDONTWRITEBYTECODE=1
export TRANSFORMERS_VERBOSITY=error HF_HUB_DISABLE_PROGRESS_BARS=1
exec "$@"
