#!/usr/bin/env bash
# Installs, builds and runs the whole loop on one machine, with simulated users, and prints a report.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

usage() {
  cat <<'TEXT'
bash jobs/quickstart.sh [options]
  --ranks N        MPI ranks: 8 = 4 trainers, 2 rollouts, 2 PRMs (default 8; 1 = everything in one process)
  --port P         HTTP port on 127.0.0.1 (default 30000)
  --sessions N     sessions that the simulated users hold (default 200; 0 = none)
  --users U        who they are: student (default), ta, teacher, contrarian, or several in turn: student,ta,teacher
  --method M       binary, opd, opd_topk, combined or combined_topk (default)
  --out DIR        folder of everything the run writes (default out/quickstart, or out/quickstart-2, ...)
  --keep-serving   leave the server up until Ctrl-C
  --help           this text
TEXT
}

ranks=8 port=30000 sessions=200 method=combined_topk out="" keep=false evaluate=200 personas=student
number() { [[ "$2" =~ ^[0-9]+$ ]] && [ "$2" -ge "$3" ] && [ "$2" -le "$4" ] || fail "$1 wants a whole number from $3 to $4, got '$2'"; }
while [ $# -gt 0 ]; do
  case "$1" in
    --ranks|--port|--sessions|--users|--method|--out) [ $# -ge 2 ] || fail "$1 wants a value; see --help" ;;&
    --ranks) number "$1" "$2" 1 64; ranks=$2; shift 2 ;;
    --port) number "$1" "$2" 1 65535; port=$2; shift 2 ;;
    --sessions) number "$1" "$2" 0 1000000; sessions=$2; shift 2 ;;
    --users) [[ ",$2," =~ ^(,(student|ta|teacher|contrarian))+,$ ]] || fail "--users takes student, ta, teacher and contrarian, with commas between, not '$2'"
      personas=$2; shift 2 ;;
    --method) case "$2" in binary|opd|opd_topk|combined|combined_topk) method=$2 ;;
                *) fail "--method is one of binary, opd, opd_topk, combined, combined_topk, not '$2'" ;; esac; shift 2 ;;
    --out) out=$2; shift 2 ;;
    --keep-serving) keep=true; shift ;;
    --help|-h) usage; exit 0 ;;
    *) usage >&2; fail "unknown option '$1'" ;;
  esac
done

check_machine() {
  [ -r /proc/meminfo ] && [ "$(awk '/MemAvailable/ {print int($2 / 1024)}' /proc/meminfo)" -lt $((700 + 300 * ranks)) ] &&
    fail "too little free memory: $ranks ranks need about $((700 + 300 * ranks)) MB; try --ranks 1"
  [ "$(nproc)" -ge 2 ] || say "only one core: it works, but slowly"
  if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then fail "port $port is taken; choose another with --port"; fi
  return 0
}

choose_folder() {
  if [ -z "$out" ]; then
    out=$ROOT/out/quickstart
    for ((n = 2; ; n++)); do [ -e "$out" ] || break; out=$ROOT/out/quickstart-$n; done
  fi
  [ ! -e "$out/journal.sqlite" ] || fail "$out holds a run already; choose another --out"
  mkdir -p "$out" 2>/dev/null && [ -w "$out" ] || fail "cannot write into --out $out"
  out=$(cd "$out" && pwd)
}

build() {
  local log=$out/build.log
  say "building ($PRESET), a few minutes the first time; the log is $log"
  (cd "$ROOT" && cmake --preset "$PRESET" && cmake --build --preset "$PRESET" --target online_rl serve sft train_tokenizer simulate_users evaluate inspect) \
    >"$log" 2>&1 || { tail -20 "$log" >&2; fail "the build failed; see $log"; }
}

server="" stopping=false users=""
stop_server() {  # mpirun kills its ranks soon after a SIGTERM of its own; SIGUSR1 it forwards, and the head saves and ends
  [ -n "$server" ] || return 0
  kill -USR1 "$server" 2>/dev/null || true
  for ((i = 0; i < 1200; i++)); do kill -0 "$server" 2>/dev/null || break; sleep 0.1; done
  kill -0 "$server" 2>/dev/null && { say "the server did not stop within 120 s: killing it"; kill -KILL "$server"; }
  local code=0; wait "$server" || code=$?
  server=""
  return $code
}
on_signal() { stopping=true; [ -z "$users" ] || kill -INT "$users" 2>/dev/null || true; }

start_server() {
  setsid "$MPIRUN" --oversubscribe --bind-to none -n "$ranks" "$BUILD/jobs/online_rl" --config configs/basic/online_rl.ini --trainer.total_steps=100 \
    --out "$out" --port "$port" --method "$method" >"$out/server.log" 2>&1 &
  server=$!
  for ((i = 0; i < 1200; i++)); do
    curl -fs -m 2 "http://127.0.0.1:$port/health" >/dev/null 2>&1 && return
    kill -0 "$server" 2>/dev/null || { grep -a "clawrl" "$out/server.log" | tail -5 >&2; server=""; fail "the server ended at its start; see $out/server.log"; }
    $stopping && { stop_server || true; exit 130; }
    sleep 0.1
  done
  stop_server || true
  fail "the server did not answer within 120 s; see $out/server.log"
}

run_users() {
  "$BUILD/jobs/simulate_users" --users.url "http://127.0.0.1:$port/v1" --users.personas "$personas" --users.sessions "$sessions" \
    --users.evaluate "$evaluate" --users.out "$out" &
  users=$!
  local code=0
  while :; do code=0; wait "$users" || code=$?; kill -0 "$users" 2>/dev/null || break; done
  users=""
  $stopping || [ $code -eq 0 ] || { stop_server || true; fail "the simulated users failed (exit code $code); see $out/server.log"; }
}

print_curl() {
  cat <<TEXT
serving on http://127.0.0.1:$port/v1 until Ctrl-C; try:
  curl -s http://127.0.0.1:$port/v1/chat/completions -H 'Content-Type: application/json' -H 'X-Session-Id: mine' \\
    -d '{"model":"clawrl-demo","messages":[{"role":"user","content":"Mia Stone has 7 red apples and buys 5 more at the market. How many red apples does Mia have now?"}]}'
TEXT
}

check_machine
choose_folder
bash "$ROOT/jobs/install_dependencies.sh"
. "$ROOT/jobs/environment.sh"
build
cd "$ROOT"
trap on_signal INT TERM
say "starting $ranks ranks; the server's log is $out/server.log"
start_server
[ "$sessions" = 0 ] || $stopping || run_users
if $keep && ! $stopping; then
  print_curl
  while ! $stopping && kill -0 "$server" 2>/dev/null; do sleep 0.5; done
fi
say "stopping"
code=0; stop_server || code=$?
"$BUILD/jobs/inspect" --inspect.path "$out" || true
[ $code -eq 0 ] || fail "the server ended with exit code $code; see $out/server.log"
say "everything is in $out; to go on with it:"
echo "  . jobs/environment.sh && \$MPIRUN --oversubscribe --bind-to none -n $ranks $BUILD/jobs/online_rl --config $out/resolved.ini --resume"
if $stopping && ! $keep; then exit 130; fi
