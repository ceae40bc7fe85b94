#!/usr/bin/env python3
"""Does a group of choices as its own baseline (GRPO) teach more than a running mean, or none?

    python3 benchmarks/groups/groups.py [--seeds 1,2,3] [--rounds 24] [--out DIR]

A driver of tasks at a running online_rl: in a round it asks four tasks with n = 4, scores every choice by a rule through
POST /v1/feedback and goes on when the server has learned from them. The rule: right, 5 to 60 words, no bold text, no list,
no box. Before and after, held-out tasks are asked once each. Prints a table; writes results.json into DIR. Needs a build of
online_rl and evaluate (build/release; --build names another).
"""
import argparse
import concurrent.futures
import json
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "benchmarks"))

from serving import free_port, serving  # noqa: E402

MARKS = re.compile(r"\*\*|\\boxed|(?m:^1\. )|\n- ")
BASELINES = ["none", "running", "group"]
CHOICES, TASKS = 4, 4


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--rounds", type=int, default=24)
    parser.add_argument("--evaluate", type=int, default=100, help="held-out tasks of each of three kinds")
    parser.add_argument("--rate", type=float, default=3e-4, help="trainer.learning_rate")
    parser.add_argument("--build", default=str(ROOT / "build/release"))
    parser.add_argument("--out", default=str(ROOT / "out/groups"))
    options = parser.parse_args()
    if not pathlib.Path(options.build, "jobs/evaluate").exists():
        parser.error(f"{options.build} holds no build (jobs/evaluate): bash tests/run.sh makes build/release")
    return options


def cases(options, name, count, seed):
    path = pathlib.Path(options.out) / f"{name}.jsonl"
    subprocess.run([f"{options.build}/jobs/evaluate", f"--evaluate.write_heldout={path}", f"--evaluate.count={count}",
                    f"--evaluate.seed={seed}"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    every = [json.loads(line) for line in path.read_text().splitlines()]
    return [case for case in every if case["set"] == "accuracy"]


def right(case, reply):
    return (all(re.search(rule, reply) for rule in case.get("must", []))
            and not any(re.search(rule, reply) for rule in case.get("must_not", [])))


def good(case, reply):
    return right(case, reply) and 5 <= len(reply.split()) <= 60 and not MARKS.search(reply)


class Client:
    def __init__(self, port):
        self.base = f"http://127.0.0.1:{port}"

    def call(self, path, body=None, headers=None):
        request = urllib.request.Request(self.base + path, json.dumps(body).encode() if body is not None else None,
                                         {"Content-Type": "application/json", **(headers or {})})
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.loads(answer.read())

    def ask(self, case, n=1, headers=None):
        body = {"model": "clawrl-demo", "messages": case["messages"], "n": n, "user": "driver", "max_tokens": 128}
        answer = self.call("/v1/chat/completions", body, headers)
        return answer["id"], [choice["message"]["content"] for choice in answer["choices"]]

    def score(self, completion, index, value):
        name = completion if index == 0 else f"{completion}/{index}"
        self.call("/v1/feedback", {"completion_id": name, "score": value})

    def wait_until_learned(self, limit_s=60):
        end = time.monotonic() + limit_s
        time.sleep(0.6)  # the status is renewed twice a second
        while self.call("/status")["learning_busy"]:
            if time.monotonic() > end:
                raise RuntimeError(f"learning from a round took longer than {limit_s} s")
            time.sleep(0.3)


def measure(client, held_out):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda case: client.ask(case, headers={"X-Turn-Type": "side"})[1][0], held_out))
    pairs = list(zip(held_out, replies))
    return {"good": statistics.mean(good(*pair) for pair in pairs), "right": statistics.mean(right(*pair) for pair in pairs)}


def train(client, tasks, rounds):
    """One round after the other; returns the share of good choices by round."""
    shares = []
    for round_ in range(rounds):
        asked = [tasks[(round_ * TASKS + i) % len(tasks)] for i in range(TASKS)]
        with concurrent.futures.ThreadPoolExecutor(TASKS) as pool:
            answers = list(pool.map(lambda case: client.ask(case, CHOICES), asked))
        scores = [[1 if good(case, text) else -1 for text in texts] for case, (_, texts) in zip(asked, answers)]
        for (completion, _), values in zip(answers, scores):
            for index, value in enumerate(values):
                client.score(completion, index, value)
        client.wait_until_learned()
        shares.append(statistics.mean(value > 0 for values in scores for value in values))
    return shares


def trial(options, baseline, seed, tasks, held_out):
    folder = pathlib.Path(options.out) / "runs" / f"{baseline}-{seed}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    port = free_port()
    command = [f"{options.build}/jobs/online_rl", "--config=configs/basic/online_rl.ini", f"--out={folder}",
               f"--port={port}", f"--run.seed={seed}", "--samples.method=binary", f"--samples.baseline={baseline}",
               f"--samples.batch={CHOICES * TASKS}", "--samples.replay=0", f"--trainer.learning_rate={options.rate}",
               "--trainer.eps=1e-8", "--trainer.weight_decay=0.1", "--audit.every_versions=0"]
    with serving(command, port, folder / "server.log", ROOT):
        client = Client(port)
        before = measure(client, held_out)
        shares = train(client, tasks, options.rounds)
        after = measure(client, held_out)
        status = client.call("/status")
    return {"baseline": baseline, "seed": seed, "before": before, "after": after, "rounds": shares, "steps": status["step"]}


def main():
    options = arguments()
    out = pathlib.Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    tasks, held_out = cases(options, "tasks", 200, 11), cases(options, "held_out", options.evaluate, 12)
    todo = [(baseline, int(seed)) for seed in options.seeds.split(",") for baseline in BASELINES]
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        trials = list(pool.map(lambda one: trial(options, *one, tasks, held_out), todo))
    (out / "results.json").write_text(json.dumps({"rate": options.rate, "trials": trials}, indent=1) + "\n")
    print("| samples.baseline | trials | steps | good before | good after (range) | right before | right after |\n"
          "|---|---|---|---|---|---|---|")
    for baseline in BASELINES:
        some = [one for one in trials if one["baseline"] == baseline]
        mean = lambda when, what: statistics.mean(one[when][what] for one in some)
        after = [one["after"]["good"] for one in some]
        print(f"| {baseline} | {len(some)} | {statistics.mean(one['steps'] for one in some):.0f} | {mean('before', 'good'):.2f} | "
              f"{mean('after', 'good'):.2f} ({min(after):.2f}-{max(after):.2f}) | {mean('before', 'right'):.2f} | "
              f"{mean('after', 'right'):.2f} |")


if __name__ == "__main__":
    main()
