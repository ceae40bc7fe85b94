#!/bin/bash
# The batch script's logic without Slurm: stand-ins for mpirun, scontrol on PATH; signals are sent to the batch shell as
# Slurm's --signal=B: does. Argument: the source folder.
set -u
source_dir=$1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failures=0

mkdir "$work/bin"
cat >"$work/bin/mpirun" <<'FAKE'
#!/bin/bash
# Runs until SIGUSR1, as online_rl does: then "saves" for a moment and ends. FAKE_MODE: run, done, fail, deaf, failing.
echo "mpirun $*" >>"$EVENTS"
for word; do [[ $word == --run.journal=* ]] && journal=${word#*=}; done
echo row >>"$journal"
trap 'echo "mpirun got TERM" >>"$EVENTS"; exit 143' TERM
case $FAKE_MODE in
  done) exit 0 ;;
  fail) exit 7 ;;
  deaf) trap 'echo "mpirun got USR1" >>"$EVENTS"' USR1 ;;
  failing) trap 'echo "mpirun got USR1" >>"$EVENTS"; exit 1' USR1 ;;
  *) trap 'echo "mpirun got USR1" >>"$EVENTS"; sleep 0.3; echo "checkpoint written" >>"$EVENTS"; exit 0' USR1 ;;
esac
echo "mpirun ready" >>"$EVENTS"
while :; do sleep 0.05; done
FAKE
cat >"$work/bin/scontrol" <<'FAKE'
#!/bin/bash
[[ $1 == show ]] && echo node1 && exit 0
echo "scontrol $*" >>"$EVENTS"
FAKE
chmod +x "$work"/bin/*

wait_for() { # wait_for PATTERN: in the events, at most 10 s
  for _ in {1..200}; do grep -q "$1" "$EVENTS" && return; sleep 0.05; done
  echo "no '$1' within 10 s"; return 1
}

# attempt NAME MODE RESTARTS [SIGNAL...]: runs the script once; sets `code`.
attempt() {
  local name=$1 mode=$2 restarts=$3
  shift 3
  export EVENTS=$work/$name.events
  : >"$EVENTS"
  env PATH="$work/bin:$PATH" TMPDIR="$work/local" FAKE_MODE="$mode" CLAWRL_ROOT="$source_dir" CLAWRL_MPIRUN=mpirun \
    CLAWRL_OUT="$work/$name" CLAWRL_STOP_LIMIT_S=1 SLURM_JOB_ID=42 SLURM_RESTART_COUNT="$restarts" SLURM_NTASKS=9 \
    SLURM_SUBMIT_DIR="$source_dir" SLURM_JOB_NODELIST=node1 bash "$source_dir/slurm/online_rl.sbatch" \
    >"$work/$name.out" 2>&1 &
  local shell=$!
  if (($# > 0)); then
    wait_for 'mpirun ready'
    local signal
    for signal; do kill "-$signal" "$shell"; sleep 0.1; done
  fi
  wait "$shell"
  code=$?
}

check() { # check WHAT COMMAND...
  local what=$1
  shift
  "$@" && return
  echo "FAILED: $what"
  sed 's/^/    /' "$EVENTS" "$work"/*.out
  failures=$((failures + 1))
}
in_events() { grep -q -- "$1" "$EVENTS"; }
not_in_events() { ! in_events "$1"; }
fresh_node() { rm -rf "$work/local"; mkdir "$work/local"; }

fresh_node
attempt time run 0 USR1
check 'requeued runs end with 0' test "$code" -eq 0
check 'the order is: signal, checkpoint, requeue' test "$(grep -n -e 'got USR1' -e written -e requeue "$EVENTS" |
  cut -d: -f2 | paste -sd,)" = 'mpirun got USR1,checkpoint written,scontrol requeue 42'
check 'a first attempt does not resume' not_in_events --resume
check 'the journal is on the local disk' in_events "--run.journal=$work/local/clawrl_42/journal.sqlite"
check 'one rank per task' in_events '-n 9 '
check 'one log folder per attempt' test -s "$work/time/logs/attempt_0/batch.log"
check 'the journal is copied' test -s "$work/time/journal_copy/journal.sqlite"

fresh_node # the next attempt runs elsewhere
attempt time done 1
check 'a restarted attempt resumes' in_events --resume
check 'it goes on with the copied journal' test "$(cat "$work/time/journal_copy/journal.sqlite")" = $'row\nrow'
check 'its logs are its own' test -e "$work/time/logs/attempt_1/online_rl.log"
check 'a job that ended is not requeued' not_in_events requeue

fresh_node
attempt stop run 0 TERM
check 'TERM becomes USR1' in_events 'got USR1'
check 'mpirun gets no TERM' not_in_events 'got TERM'
check 'TERM ends without a requeue' not_in_events requeue
check 'a stopped run ends with 0' test "$code" -eq 0

fresh_node
attempt both run 0 USR1 TERM
check 'TERM after USR1 does not cancel the requeue' in_events requeue

fresh_node
attempt broken fail 0
check 'the job`s own exit code comes through' test "$code" -eq 7
check 'a failed job is not requeued' not_in_events requeue

fresh_node
attempt failing failing 0 USR1
check 'a job that fails while stopping ends with its code' test "$code" -eq 1
check 'and stays down' not_in_events requeue

fresh_node
attempt deaf deaf 0 USR1
check 'a job that does not end is ended' in_events 'got TERM'
check 'and requeued' in_events 'scontrol requeue 42'

((failures == 0)) && echo "all batch script checks passed"
exit $((failures > 0))
