# shellcheck shell=bash
# Shared by the batch scripts of this folder: settings by environment variables, logs, the journal's copies, stopping.
#
#   CLAWRL_ROOT            checkout (default: the folder of submission)
#   CLAWRL_BUILD           build folder (default: build/release of it)
#   CLAWRL_SETUP           file that is sourced first: module load ..., export PATH=...
#   CLAWRL_CONFIG          INI file (default: configs/cluster/online_rl.ini)
#   CLAWRL_OUT             output folder on the shared file system (default: out/online_rl)
#   CLAWRL_LOCAL_DIR       node-local folder of the live journal (default: $TMPDIR or /tmp, clawrl_<job id>)
#   CLAWRL_MPIRUN          launcher (default: .deps/venv/bin/mpirun if it is there, else mpirun)
#   CLAWRL_MPIRUN_OPTIONS  more options of the launcher, separated by blanks (default: --bind-to none)
#   CLAWRL_ROLES           settings of [roles], separated by blanks (default: those of the INI file)
#   CLAWRL_ARGUMENTS       more settings, e.g. "--http.port=30100 --run.max_steps=1000"
#   CLAWRL_STOP_LIMIT_S    longest wait for a job that was asked to stop (default 170, below --signal's 180)

clawrl_root=${CLAWRL_ROOT:-${SLURM_SUBMIT_DIR:-$PWD}}
cd "$clawrl_root" || exit 2
if [[ -n ${CLAWRL_SETUP:-} ]]; then
  # shellcheck disable=SC1090
  source "$CLAWRL_SETUP"
fi

build=${CLAWRL_BUILD:-$clawrl_root/build/release}
config=${CLAWRL_CONFIG:-configs/cluster/online_rl.ini}
out=${CLAWRL_OUT:-out/online_rl}
restarts=${SLURM_RESTART_COUNT:-0}
local_dir=${CLAWRL_LOCAL_DIR:-${TMPDIR:-/tmp}/clawrl_${SLURM_JOB_ID:-$$}}
journal=$local_dir/journal.sqlite
stop_limit_s=${CLAWRL_STOP_LIMIT_S:-170}
read -r -a mpirun_options <<<"${CLAWRL_MPIRUN_OPTIONS:---bind-to none}"
read -r -a more_arguments <<<"${CLAWRL_ARGUMENTS:-}"
mpirun=${CLAWRL_MPIRUN:-mpirun}
if [[ -z ${CLAWRL_MPIRUN:-} && -x $clawrl_root/.deps/venv/bin/mpirun ]]; then
  mpirun=$clawrl_root/.deps/venv/bin/mpirun
fi

# One folder per attempt; a second submission with the same output folder gets names of its own.
attempt=$out/logs/attempt_$restarts
[[ -e $attempt ]] && attempt+=_job${SLURM_JOB_ID:-$$}
mkdir -p "$attempt" "$local_dir" || exit 2

say() {
  printf '%s %s\n' "$(date '+%F %T')" "$*" | tee -a "$attempt/batch.log"
}

# -- the journal. SQLite's write-ahead log is memory shared between processes of one host and must not lie on NFS or
# Lustre (the job refuses that), so the live file is on the disk of the head's node: rank 0 runs where this script runs.
# Copies go to $out/journal_copy: the job writes one with each checkpoint, this script one when the job has ended, where
# the folder is replaced as a whole, since file and log belong together.

copied() { # the newest complete copy, or nothing
  local folder
  for folder in "$out/journal_copy" "$out/journal_copy.old"; do
    [[ -e $folder/journal.sqlite ]] && echo "$folder" && return
  done
}

replace_copy() { # journal_copy.new becomes journal_copy
  rm -rf "$out/journal_copy.old"
  [[ ! -e $out/journal_copy ]] || mv -T "$out/journal_copy" "$out/journal_copy.old" || return
  mv -T "$out/journal_copy.new" "$out/journal_copy"
}

# No process may have the journal open.
save_journal() {
  [[ -e $journal ]] || return 0
  rm -rf "$out/journal_copy.new" && mkdir -p "$out/journal_copy.new" || return
  cp -p "$journal" "$out/journal_copy.new/" || return
  [[ ! -e $journal-wal ]] || cp -p "$journal-wal" "$out/journal_copy.new/" || return
  sync "$out"/journal_copy.new/* && replace_copy || return
  say "journal copied to $out/journal_copy"
}

# Attempts on the same node may find their own file; what another node wrote since then is newer.
fetch_journal() {
  local copy local_newest=$journal
  copy=$(copied)
  [[ -n $copy ]] || return 0
  [[ ! -e $journal-wal || $journal -nt $journal-wal ]] || local_newest=$journal-wal
  [[ ! -e $journal || $copy/journal.sqlite -nt $local_newest ]] || return 0
  rm -rf "$local_dir/fetched" && mkdir "$local_dir/fetched" && cp -p "$copy"/journal.sqlite* "$local_dir/fetched/" || return
  rm -f "$journal" "$journal-wal" "$journal-shm"
  [[ ! -e $local_dir/fetched/journal.sqlite-wal ]] || mv "$local_dir/fetched/journal.sqlite-wal" "$journal-wal" || return
  mv "$local_dir/fetched/journal.sqlite" "$journal" || return
  say "journal fetched from $copy"
}

# -- running and stopping. mpirun kills its ranks half a second after a SIGTERM of its own, so every wish to stop becomes
# SIGUSR1, which it forwards: the head then lets replies finish, writes a checkpoint and ends.

job_pid= reason= interrupted=0 overdue= watchdog=

request_stop() { # requeue | end; the first reason stands, since Slurm sends TERM after USR1
  interrupted=1
  reason=${reason:-$1}
  [[ -n $job_pid && -z $watchdog ]] || return 0
  say "asked to stop ($reason): SIGUSR1 to mpirun, at most $stop_limit_s s until it ends"
  kill -USR1 "$job_pid" 2>/dev/null
  (sleep "$stop_limit_s" && touch "$attempt/overdue" && kill -TERM "$job_pid" && sleep 10 && kill -KILL "$job_pid") \
    >/dev/null 2>&1 &
  watchdog=$!
}

end_helper() { # pid of a background subshell with a sleep inside
  [[ -z $1 ]] && return
  pkill -P "$1" 2>/dev/null
  kill "$1" 2>/dev/null
  wait "$1" 2>/dev/null
}

# run_job COMMAND...: runs it in the background, so that traps act at once; returns its exit code.
run_job() {
  trap 'request_stop requeue' USR1
  trap 'request_stop end' TERM INT
  "$@" >>"$attempt/online_rl.log" 2>&1 &
  job_pid=$!
  [[ -z $reason ]] || request_stop "$reason"
  local code
  while interrupted=0; wait "$job_pid"; code=$?; ((interrupted)); do :; done
  end_helper "$watchdog"
  [[ ! -e $attempt/overdue ]] || overdue=1
  return "$code"
}

# finish CODE: journal, requeue if that was the wish, exit. 0 = ended or stopped whole; 3 = stopped whole but the journal
# could not be copied or the requeue was refused; else mpirun's own code. A job that fails while stopping stays down: the
# next attempt would most likely fail the same way (disk full).
finish() {
  local code=$1
  say "mpirun ended with code $code"
  if ! save_journal; then
    say "the journal could not be copied: it is still $journal on $(hostname)"
    exit 3
  fi
  if [[ $reason == requeue && ($code -eq 0 || -n $overdue) ]]; then
    say "requeueing job $SLURM_JOB_ID"
    scontrol requeue "$SLURM_JOB_ID" && exit 0
    say "scontrol requeue was refused; submit the script again to go on"
    exit 3
  fi
  exit "$code"
}
