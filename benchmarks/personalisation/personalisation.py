#!/usr/bin/env python3
"""How fast does each method learn what three users want, and do the controls stay where they were?

    python3 benchmarks/personalisation/personalisation.py [--short] [--seeds 101,102,...] [--rows NAME,...] [--out DIR]

Each trial is a real run: online_rl in one process, simulate_users as its clients over HTTP, held-out tasks before and
after. Prints a table; writes results.json, table.md and curves.svg into DIR. Trials that results.json holds already are
not run again. Needs a build of online_rl, serve and simulate_users (build/release; --build names another).
"""
import argparse
import concurrent.futures
import contextlib
import json
import os
import pathlib
import platform
import shutil
import sqlite3
import subprocess
import sys
import threading
import time

import report

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.append(str(HERE.parent))

from serving import free_port, serving  # noqa: E402

PERSONAS = ["student", "ta", "teacher"]
JOINT = ",".join(PERSONAS)
POLICY = "configs/models/policy"
JUDGING_POLICY = "the demo policy, taught to judge as well"  # a folder that judging_policy() makes

LEARNING = {"samples.method": "combined_topk"}
# Every weight moves by about the rate, however little the samples say of it.
ADAM = {"trainer.eps": 1e-8, "trainer.learning_rate": 6e-4, "trainer.weight_decay": 0.1}
SLOW_BINARY = ADAM | {"samples.method": "binary", "trainer.learning_rate": 2e-4}
UNAUDITED = {"audit.every_versions": 0}
FAST = LEARNING | {"trainer.learning_rate": 2.5e-2}
ORACLE = {"users.oracle": "true"}
# A line of one's own has one user's samples: smaller batches of them.
LINES = LEARNING | ADAM | UNAUDITED | {"trainer.lora_rank": 8, "trainer.learning_rate": 1e-3, "samples.batch": 2,
                           "samples.replay": 14}
LOCALISED, GRADED = {"samples.localise_errors": "true"}, {"samples.severity": "true"}
# Whoever says something is believed at once.
TRUSTING = {"feedback.most_contradictions": 1, "feedback.trusted_after": 0, "feedback.newcomer_samples": 0}
HOSTILE = {"users.hostile": 0.05}
CONTRARIES = {"users.personas": "student,contrarian", "users.sessions": 96}
# name: (settings of online_rl beside the recipe's, or None: serve; settings of simulate_users)
ROWS = {
    "base": (None, {}),
    "binary": ({"samples.method": "binary"}, {}),
    "binary with plain AdamW": (SLOW_BINARY, {}),
    "binary sparing the end": ({"samples.method": "binary", "samples.spare_end": "true"}, {}),
    "binary per step": ({"samples.method": "binary", "samples.baseline_per_step": "true",
                         "samples.baseline_deviation": "true"}, {}),
    "binary localised": ({"samples.method": "binary"} | LOCALISED, {}),
    "binary graded": ({"samples.method": "binary"} | GRADED, {}),
    "opd": ({"samples.method": "opd"}, {}),
    "opd_topk": ({"samples.method": "opd_topk"}, {}),
    "combined": ({"samples.method": "combined"}, {}),
    "combined_topk": (LEARNING, {}),
    "combined_topk clipped": (LEARNING | {"samples.topk_loss": "clipped"}, {}),
    "combined_topk without replay": (LEARNING | {"samples.replay": 0, "samples.smallest_step": 1}, {}),
    "combined_topk sparing the end": (LEARNING | {"samples.spare_end": "true"}, {}),
    "combined_topk localised": (LEARNING | LOCALISED, {}),
    "combined_topk graded": (LEARNING | GRADED, {}),
    "combined_topk trusting": (LEARNING | TRUSTING, {}),
    "combined_topk unaudited": (LEARNING | UNAUDITED, {}),
    "combined_topk with KL": (LEARNING | {"trainer.kl_beta": 0.1}, {}),
    "combined_topk too fast": (FAST, {}),
    "combined_topk too fast unaudited": (FAST | UNAUDITED, {}),
    "combined_topk with plain AdamW": (LEARNING | ADAM, {}),
    "memory": (None, {"users.memory": 2}),
    "memory + combined_topk": (LEARNING, {"users.memory": 2}),
    "student alone": (LEARNING, {"users.personas": "student", "users.asked": JOINT}),
    "ta alone": (LEARNING, {"users.personas": "ta", "users.asked": JOINT}),
    "teacher alone": (LEARNING, {"users.personas": "teacher", "users.asked": JOINT}),
    "diagnostic: oracle": (LEARNING, ORACLE),
    "diagnostic: oracle binary": (SLOW_BINARY, ORACLE),
    "self-analysis": (LEARNING | {"prm.evaluator": "self", "model.policy": JUDGING_POLICY}, {}),
    "self-analysis untaught": (LEARNING | {"prm.evaluator": "self"}, {}),
    "contraries on one line": (LINES | {"policy.lines": "shared"}, CONTRARIES),
    "contraries on own lines": (LINES | {"policy.lines": "user"}, CONTRARIES),
    "contraries on both": (LINES | {"policy.lines": "both"}, CONTRARIES),
    "10 % wrong": (LEARNING, {"users.wrong": 0.1}),
    "5 % hostile": (LEARNING, HOSTILE),
    "5 % hostile trusting": (LEARNING | TRUSTING, HOSTILE),
    "edge-case complaints": (LEARNING, {"users.personas": JOINT + ",pedant", "users.asked": JOINT}),
    "control: random words": (LEARNING, {"users.noise": 1}),
    "control: random words trusting": (LEARNING | TRUSTING, {"users.noise": 1}),
    "control: inverted verdicts": (LEARNING, {"users.inverted": 1}),
    "control: inverted words": (LEARNING, {"users.wrong": 1}),
    "control: inverted words trusting": (LEARNING | TRUSTING, {"users.wrong": 1}),
    "control: the contrarian's words": (LEARNING, {"users.voice": "contrarian"}),
}
# In all praise and in nothing else (src/demo/feedback.cpp).
PRAISE = [b"hat is exactly", b"his is just", b"hat is really", b"his is precisely", b"ow that is"]
METHODS = ["binary", "binary localised", "opd", "opd_topk", "combined", "combined_topk", "5 % hostile"]  # more seeds, to be told apart
SHORT = ["base", "binary", "opd_topk", "combined_topk", "memory", "control: random words", "control: inverted verdicts",
         "control: the contrarian's words"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="two seeds, fewer rows and tasks: under ten minutes")
    parser.add_argument("--seeds", help="instead of those in seeds.json (reported, and for the methods more)")
    parser.add_argument("--rows", help="of the table, by name, with commas between")
    parser.add_argument("--rounds", type=int, default=24, help="conversations of each user (default 24)")
    parser.add_argument("--evaluate", type=int, help="held-out tasks of each user (default 200, short 60)")
    parser.add_argument("--at-once", type=int, default=4 * (os.cpu_count() or 1),
                        help="trials at the same time; each waits most of its time (default: four a core)")
    parser.add_argument("--recipe", default=str(ROOT / "configs/basic/online_rl.ini"))
    parser.add_argument("--build", default=str(ROOT / "build/release"))
    parser.add_argument("--out", default=str(ROOT / "out/personalisation"))
    parser.add_argument("settings", nargs="*", help="further ones of online_rl, e.g. --trainer.learning_rate=1e-4 after --")
    options = parser.parse_args()
    rows = options.rows.split(",") if options.rows else SHORT if options.short else list(ROWS)
    for row in rows:
        if row not in ROWS:
            parser.error(f"there is no row '{row}'; known are {', '.join(ROWS)}")
    options.rows = rows
    known = json.loads((HERE / "seeds.json").read_text())
    options.more_seeds = [] if options.seeds or options.short else known["methods"]
    seeds = options.seeds.split(",") if options.seeds else known["reported"]
    options.seeds = [int(seed) for seed in seeds][: 2 if options.short and not options.seeds else None]
    options.evaluate = options.evaluate or (60 if options.short else 200)
    return options


def run_folder(options, row, seed):
    return pathlib.Path(options.out) / "runs" / f"{row.replace(' ', '_').replace(':', '')}-{seed}"


making = threading.Lock()


def judging_policy(options):
    """Made at its first use, which the other trials do not wait for."""
    folder = pathlib.Path(options.out).resolve() / "judging_policy"
    with making:
        if not folder.exists():
            unfinished = folder.with_suffix(".unfinished")
            subprocess.run([f"{options.build}/jobs/sft", "--sft.kind=both", f"--sft.from={POLICY}", "--sft.tokens=4000000",
                            "--sft.seed=41", "--trainer.learning_rate=1e-3", "--trainer.warmup_steps=30",
                            f"--sft.out={unfinished}"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
            unfinished.rename(folder)
    return str(folder)


def settings_of(options, row):
    """Those of online_rl, with the folder of the judging policy where the row has one."""
    return {key: judging_policy(options) if value == JUDGING_POLICY else value for key, value in ROWS[row][0].items()}


def trial(options, row, seed):
    """One run in a folder of its own; its report."""
    learning, users = ROWS[row]
    folder = run_folder(options, row, seed)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    port = free_port()
    flags = [f"--out={folder}", f"--port={port}", f"--run.seed={seed}"]
    if learning is None:  # the same sampling
        job, flags = "serve", flags + ["--rollout.temperature=0.7", "--rollout.max_tokens=128", f"--model.policy={POLICY}"]
    else:
        job = "online_rl"
        flags += [f"--config={options.recipe}", *(f"--{key}={value}" for key, value in settings_of(options, row).items()),
                  *options.settings]
    with serving([f"{options.build}/jobs/{job}", *flags], port, folder / "server.log", ROOT):
        personas = users.get("users.personas", JOINT)
        settings = {"users.url": f"http://127.0.0.1:{port}/v1", "users.out": str(folder), "users.seed": seed,
                    "users.round_wait_s": 60, "users.think_s": 0, "users.personas": personas, "users.at_once": 32,
                    "users.sessions": options.rounds * len(personas.split(",")), "users.evaluate": options.evaluate, **users}
        with open(folder / "users.log", "w") as output:
            subprocess.run([f"{options.build}/jobs/simulate_users", *(f"--{k}={v}" for k, v in settings.items())],
                           cwd=ROOT, stdout=output, stderr=output, check=True, timeout=1800)
    return json.loads((folder / "report.json").read_text())


def judged(folder):
    """From the journal of a run: what the judge said of praise and of complaints ([-1, 0, +1, nothing]), and how many
    of all that users said was left out for want of trust, or still waited for it at the end. What the user meant is told by the words."""
    said, left_out, all_said = {"complaint": [0] * 4, "praise": [0] * 4}, 0, 0
    with contextlib.closing(sqlite3.connect(f"file:{folder}/journal.sqlite?immutable=1", uri=True)) as journal:
        rows = journal.execute(
            "SELECT t.next_state, v.score, v.error, t.exclusion, count(s.seq), min(s.exclusion) FROM verdicts v "
            "JOIN turns t ON t.id = v.turn LEFT JOIN samples s ON s.turn = v.turn WHERE v.revision = 0 GROUP BY v.turn")
        for next_state, score, error, turned_down, samples, excluded in rows:
            meant = "praise" if any(words in (next_state or b"") for words in PRAISE) else "complaint"
            said[meant][3 if error else score + 1] += 1
            all_said += 1
            left_out += (excluded or turned_down) in ("unsteady", "untrusted") or (samples == 0 and not error and not turned_down)
    return {"said": said, "left_out": left_out, "sayings": all_said}


def believed(journal):
    """Of each user's sayings: how many there were, and how many a step learned from."""
    rows = journal.execute("SELECT t.user, count(DISTINCT v.turn), count(DISTINCT x.turn) FROM verdicts v JOIN turns t ON "
                           "t.id = v.turn LEFT JOIN step_samples x ON x.turn = v.turn GROUP BY t.user")
    return {user: [said, learned] for user, said, learned in rows}


def audited(journal, count):
    """Had each version that gave the last `count` replies been audited before the first of them? None without audits."""
    if not journal.execute("SELECT count(*) FROM audits").fetchone()[0]:
        return None
    first, = journal.execute("SELECT min(created) FROM (SELECT created FROM turns ORDER BY id DESC LIMIT ?)", (count,)).fetchone()
    measured = journal.execute("SELECT DISTINCT version FROM (SELECT version FROM turns ORDER BY id DESC LIMIT ?)", (count,))
    known = {version for version, in journal.execute("SELECT version FROM audits WHERE at <= ?", (first,))}
    return all(version in known for version, in measured)


def happened(folder, replies):
    """From the journal: what audits took back, the alarms that began, who was learned from, and whether what was measured
    afterwards, by so many replies, had been audited."""
    with contextlib.closing(sqlite3.connect(f"file:{folder}/journal.sqlite?immutable=1", uri=True)) as journal:
        events = list(journal.execute("SELECT kind, text FROM events"))
        return {"versions_held": sum(kind == "audit_hold" for kind, _ in events),
                "trainers_back": sum(kind == "trainers_back" for kind, _ in events),
                "alarms": sorted({text.split()[0] for kind, text in events if kind == "learning_alarm" and " begins" in text}),
                "believed": believed(journal), "audited": audited(journal, replies)}


def shortened(row, seed, whole, folder):
    """What results.json keeps of a report and a journal."""
    rounds = max(len(part["first_replies_satisfied"]) for part in whole["personas"].values())
    kept = {"row": row, "seed": seed, "rounds": rounds, "requests": whole["requests"], "personas": {},
            "versions_published": whole["versions_published"], "samples": whole["samples"]}
    if ROWS[row][0] is not None:
        kept |= happened(folder, whole["first_reply_satisfaction"]["problems"])
        if "users.oracle" not in ROWS[row][1]:
            kept["judged"] = judged(folder)
    for name, part in whole["personas"].items():
        answers = part["held_out_satisfied"]
        kept["personas"][name] = part | {
            "held_out_satisfied": {when: digits(answers[when]) for when in ("before", "after")},
            "first_replies_satisfied": digits(part["first_replies_satisfied"])}
    return kept


def digits(flags):
    """One digit each: a list would take ten times the room."""
    return "".join(str(int(flag)) for flag in flags)


def write(path, known):
    """One line per trial."""
    head = {key: value for key, value in known.items() if key != "trials"}
    lines = ",\n".join(json.dumps(trial) for trial in known["trials"])
    path.write_text(json.dumps(head)[:-1] + ', "trials": [\n' + lines + "\n]}\n")


def main():
    options = arguments()
    out = pathlib.Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    results = out / "results.json"
    recipe = pathlib.Path(options.recipe).read_text()
    head = {"recipe": recipe, "settings": options.settings, "rounds": options.rounds, "evaluate": options.evaluate,
            "machine": f"{os.cpu_count()} cores, {platform.machine()}, no GPU"}
    known = json.loads(results.read_text()) if results.exists() else head | {"trials": []}
    if any(known[key] != head[key] for key in head):
        sys.exit(f"{results} holds trials of another recipe or length: choose another --out")
    strangers = {trial["row"] for trial in known["trials"]} - set(ROWS)
    if strangers:
        sys.exit(f"{results} holds trials of rows that there are not any more ({', '.join(strangers)}): choose another --out")
    done = {(trial["row"], trial["seed"]) for trial in known["trials"]}
    wanted = [(row, seed) for seed in options.seeds for row in options.rows]
    wanted += [(row, seed) for seed in options.more_seeds for row in options.rows if row in METHODS]
    todo = [one for one in wanted if one not in done]
    begin = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(options.at_once) as pool:
        running = {pool.submit(trial, options, row, seed): (row, seed) for row, seed in todo}
        for future in concurrent.futures.as_completed(running):
            row, seed = running[future]
            try:
                known["trials"].append(shortened(row, seed, future.result(), run_folder(options, row, seed)))
                shutil.rmtree(run_folder(options, row, seed) / "checkpoints", ignore_errors=True)  # 60 MB each
            except Exception as error:  # the others go on
                print(f"{row}, seed {seed}: FAILED: {error}", file=sys.stderr, flush=True)
                continue
            known["trials"].sort(key=lambda one: (list(ROWS).index(one["row"]), one["seed"]))
            write(results, known)
            print(f"{time.monotonic() - begin:6.0f} s  {row}, seed {seed}: {report.line(known['trials'], row, seed)}",
                  flush=True)
    table = "\n".join(part(known["trials"]) for part in
                      (report.table, report.comparisons, report.verdicts, report.happenings))
    (out / "table.md").write_text(table)
    (out / "curves.svg").write_text(report.curves(known["trials"]))
    print(table)
    failed = len(todo) + len(done) - len(known["trials"])
    sys.exit(f"{failed} trials failed" if failed else 0)


if __name__ == "__main__":
    main()
