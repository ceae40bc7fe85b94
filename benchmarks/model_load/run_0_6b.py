#!/usr/bin/env python3
"""Eight ranks serve a model folder and train a LoRA on it: what memory do they take at most?

    run_0_6b.py MODEL_FOLDER OUT_FOLDER [--build BUILD_FOLDER] [--steps N] [--seconds S] [-- --section.key=value ...]

Starts online_rl under mpirun, holds short conversations whose second message complains, reads the ranks' shares of
memory (Pss, which counts a page that n processes share as 1/n in each) twice a second, and stops the program with
SIGUSR1, which writes a checkpoint, once N optimiser steps were committed. Prints phase,value,unit lines.
Needs nothing but Python, and /proc of Linux.
"""
import argparse
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
TASK = "Mia Stone has {} red apples and buys {} more at the market. How many red apples does Mia have now?"
COMPLAINT = "That is wrong, it does not answer my question. Please answer with the number of apples."


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    parser.add_argument("--steps", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=540, help="gives up after so long")
    parser.add_argument("settings", nargs="*", help="further settings of online_rl, behind --")
    return parser.parse_args()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start(a, port):
    mpirun = ROOT / ".deps/venv/bin/mpirun"
    allow = {f"{p}_ALLOW_RUN_AS_ROOT{s}": "1" for p in ("OMPI", "PRTE") for s in ("", "_CONFIRM")}
    settings = ["--model.policy=" + a.model, f"--model.prm={ROOT}/configs/models/prm", f"--run.out={a.out}",
                f"--http.port={port}", "--roles.trainers=4", "--roles.rollouts=2", "--roles.prms=2",
                "--trainer.lora_rank=8", "--trainer.lora_alpha=16", "--trainer.learning_rate=1e-4",
                "--samples.baseline=none", "--samples.batch=4", "--samples.max_tokens=1024", "--rollout.blocks=512",
                "--rollout.max_context=2048", "--session.idle_s=2", *a.settings]
    log = open(a.out / "server.log", "w")
    return subprocess.Popen([str(mpirun if mpirun.exists() else "mpirun"), "--oversubscribe", "--bind-to", "none",
                             "-n", "8", str(a.build / "jobs/online_rl"), *settings],
                            stdout=log, stderr=subprocess.STDOUT, env={**os.environ, **allow}, start_new_session=True)


def ranks(server):
    """Process ids of the program's ranks: what mpirun's session runs."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            text = (entry / "stat").read_text()
            name, session = text[text.index("(") + 1:text.rindex(")")], int(text[text.rindex(")") + 2:].split()[3])
            parent = int(text[text.rindex(")") + 2:].split()[1])
        except (OSError, ValueError):
            continue
        if name == "online_rl" and (session == server.pid or parent == server.pid):
            found.append(int(entry.name))
    return found


def pss_kib(pid):
    try:
        for line in open(f"/proc/{pid}/smaps_rollup"):
            if line.startswith("Pss:"):
                return int(line.split()[1])
    except OSError:  # it ended meanwhile
        pass
    return 0


class Meter(threading.Thread):
    """Peak per phase of the sum over the ranks, and of the largest rank."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.phase, self.peaks, self.done = server, "load", {}, threading.Event()

    def run(self):
        while not self.done.wait(0.5):
            phase, each = self.phase, [pss_kib(pid) for pid in ranks(self.server)]
            total, largest, _ = self.peaks.get(phase, (0, 0, 0))
            self.peaks[phase] = (max(total, sum(each)), max([largest, *each]), len(each))

    def enter(self, phase):
        self.phase = phase

    def report(self):
        self.done.set()
        self.join()
        for phase, (total, largest, count) in self.peaks.items():
            print(f"clawrl.pss_{phase}.sum_of_{count}_ranks,{total / 2**20:.2f},GiB")
            print(f"clawrl.pss_{phase}.largest_rank,{largest / 2**20:.2f},GiB", flush=True)


def chat(port, session, messages, done):
    body = {"model": "clawrl-demo", "messages": messages, "max_tokens": 16, "session_id": session,
            "session_done": done}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/chat/completions", json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    return json.load(urllib.request.urlopen(request, timeout=300))["choices"][0]["message"]["content"] or ""


def converse(port, index, stop):
    """Conversations of two replies until told to stop."""
    number = index
    while not stop.is_set():
        number += 8
        session = f"memory-{number}"
        messages = [{"role": "user", "content": TASK.format(number, index + 2)}]
        try:
            messages.append({"role": "assistant", "content": chat(port, session, messages, False)})
            messages.append({"role": "user", "content": COMPLAINT})
            chat(port, session, messages, True)
        except OSError as error:
            if not stop.is_set():
                detail = error.read().decode() if isinstance(error, urllib.error.HTTPError) else ""
                print(f"conversation {number}: {error} {detail}", file=sys.stderr)
            stop.wait(1)


def metrics(out):
    path = out / "metrics.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("}")]


def wait_for(what, limit, server, condition):
    while not condition():
        if server.poll() is not None or time.time() > limit:
            raise SystemExit(f"run_0_6b: no {what}; see server.log in the run's folder")
        time.sleep(0.2)


def healthy(port):
    try:
        return urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).status == 200
    except OSError:
        return False


def work(a, server, meter, port, begin):
    limit, stop = begin + a.seconds, threading.Event()
    wait_for("answer to /health", limit, server, lambda: healthy(port))
    print(f"clawrl.start,{time.time() - begin:.1f},s", flush=True)
    meter.enter("serve_and_train")
    for i in range(2):
        threading.Thread(target=converse, args=(port, i, stop), daemon=True).start()
    try:
        wait_for(f"{a.steps} committed steps", limit, server,
                 lambda: sum(m["event"] == "commit" for m in metrics(a.out)) >= a.steps)
    finally:
        stop.set()
    meter.enter("checkpoint_and_end")
    os.kill(server.pid, signal.SIGUSR1)
    server.wait(timeout=180)


def main():
    a = arguments()
    a.out = a.out.resolve()
    a.out.mkdir(parents=True)
    port, begin = free_port(), time.time()
    server = start(a, port)
    meter = Meter(server)
    meter.start()
    try:
        work(a, server, meter, port, begin)
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGKILL)
        meter.report()
    for m in metrics(a.out):
        if m["event"] == "step":
            print(f"clawrl.step,{m['seconds']:.1f},s")
            print(f"clawrl.step.tokens,{m['tokens']},tokens", flush=True)
    size = sum(f.stat().st_size for f in a.out.glob("checkpoints/**/*") if f.is_file())
    print(f"clawrl.checkpoint,{size / 2**20:.1f},MiB")


if __name__ == "__main__":
    main()
