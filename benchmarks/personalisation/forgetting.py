#!/usr/bin/env python3
"""What does a policy forget while it learns what three users want?

    python3 benchmarks/personalisation/forgetting.py [--row combined_topk] [--seeds 101,...] [--out DIR]

Holds the trials of one row of personalisation.py and scores their last checkpoint on held-out cases (jobs/evaluate)
beside the model that it began as: right answers, form, hints for what users ask and hints against it, by whether replies
obey and by the loss of a reply that does, the judge's votes and the loss of the right ones, and the loss of text without
a style (the questions alone). Prints a table; writes forgetting.json into DIR.
"""
import argparse
import concurrent.futures
import json
import pathlib
import re
import statistics
import subprocess

import personalisation

ROOT = personalisation.ROOT
SETS = ["accuracy", "form", "hints", "hints_against", "hint_loss", "hint_loss_against", "judge", "judge_loss", "language"]
SCORE = re.compile(r"(\w+) ([\d.]+) of (\d+)(?:, loss ([\d.]+))?(?: \((?:reference ([\d.]+), )?lost (\d+), gained (\d+)\))?")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--row", default="combined_topk", help="of personalisation.py, one that learns")
    parser.add_argument("--seeds", help="instead of those in seeds.json (reported)")
    parser.add_argument("--cases", type=int, default=100, help="of each set and kind of task")
    parser.add_argument("--at-once", type=int, default=4)
    parser.add_argument("--recipe", default=str(ROOT / "configs/basic/online_rl.ini"))
    parser.add_argument("--build", default=str(ROOT / "build/release"))
    parser.add_argument("--out", default=str(ROOT / "out/forgetting"))
    options = parser.parse_args()
    if personalisation.ROWS.get(options.row, (None,))[0] is None:
        parser.error(f"'{options.row}' is no row of personalisation.py that learns")
    if not pathlib.Path(options.build, "jobs/evaluate").exists():
        parser.error(f"{options.build} holds no build (jobs/evaluate): bash tests/run.sh makes build/release")
    seeds = options.seeds.split(",") if options.seeds else json.loads((personalisation.HERE / "seeds.json").read_text())["reported"]
    options.seeds = [int(seed) for seed in seeds]
    options.rounds, options.evaluate, options.settings = 24, 0, []
    return options


def cases(options):
    """The demo's held-out cases."""
    path = pathlib.Path(options.out) / "cases.jsonl"
    subprocess.run([f"{options.build}/jobs/evaluate", f"--evaluate.write_heldout={path}",
                    f"--evaluate.count={options.cases}"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return path


def scores(options, held_out, seed):
    personalisation.trial(options, options.row, seed)
    asked = {key: value for key, value in personalisation.settings_of(options, options.row).items()
             if key in ("model.policy", "prm.evaluator")}
    newest = max((personalisation.run_folder(options, options.row, seed) / "checkpoints").glob("step_*"), key=lambda path: int(path.name.split("_")[1]))
    said = subprocess.run([f"{options.build}/jobs/evaluate", f"--evaluate.heldout={held_out}", "--rollout.temperature=0.7",
                           f"--evaluate.checkpoint={newest}", "--evaluate.count=100000",
                           *(f"--{key}={value}" for key, value in asked.items())], cwd=ROOT, check=True,
                          capture_output=True, text=True).stdout.splitlines()
    before, after = ({found[0]: found for found in SCORE.findall(line)} for line in said if SCORE.search(line))
    return {name: {"cases": int(after[name][2]), "before": float(before[name][3] or before[name][1]),
                   "after": float(after[name][3] or after[name][1]), "lost": int(after[name][5]),
                   "gained": int(after[name][6])} for name in SETS}


def main():
    options = arguments()
    out = pathlib.Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    held_out = cases(options)
    with concurrent.futures.ThreadPoolExecutor(options.at_once) as pool:
        found = dict(zip(options.seeds, pool.map(lambda seed: scores(options, held_out, seed), options.seeds)))
    (out / "forgetting.json").write_text(json.dumps({"row": options.row, "seeds": found}, indent=1) + "\n")
    print("| set | cases | before | after (range over seeds) | lost, gained of all |\n|---|---|---|---|---|")
    for name in SETS:
        parts = [one[name] for one in found.values()]
        after = [part["after"] for part in parts]
        unit = " nats a token" if name == "language" or "loss" in name else ""
        print(f"| {name} | {parts[0]['cases']} | {parts[0]['before']:.2f}{unit} | {statistics.mean(after):.2f} "
              f"({min(after):.2f}-{max(after):.2f}) | {sum(part['lost'] for part in parts)}, "
              f"{sum(part['gained'] for part in parts)} |")


if __name__ == "__main__":
    main()
