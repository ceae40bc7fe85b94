"""Table and curves of the trials in results.json."""
import random
import statistics

LIMIT = 72  # rounds that count where a user was not satisfied three times running within the run
PERSONAS = ["student", "ta", "teacher"]
EVERYBODY = [*PERSONAS, "contrarian"]
VARIANTS = ["alone", "with", "clipped", "diagnostic", "contraries", "trusting", "sparing",
            "per step", "self-analysis", "unaudited", "too fast", "localised", "graded"]  # not in the plot
COLOURS = ["#888888", "#d95f02", "#7570b3", "#e7298a", "#66a61e", "#1b9e77", "#a6761d", "#e6ab02", "#1f78b4", "#000000", "#17becf"]


def rounds_of(part):
    return part["sessions_until_three"] or LIMIT


def spread(values, digits=2):
    if not values:
        return "-"
    mean = statistics.mean(values)
    return f"{mean:.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})" if len(values) > 1 else f"{mean:.{digits}f}"


def line(trials, row, seed):
    one = next(t for t in trials if t["row"] == row and t["seed"] == seed)
    return ", ".join(
        f"{name} {part['first_reply_satisfaction']['before']:.2f} -> {part['first_reply_satisfaction']['after']:.2f}"
        f" (round {part['sessions_until_three'] or '-'})" for name, part in one["personas"].items())


def cells(trials):
    """Of one row: a text per column."""
    trained = [name for name in EVERYBODY
               if any(t["personas"].get(name, {}).get("first_replies_satisfied") for t in trials)]
    rounds = [rounds_of(t["personas"][name]) for t in trials for name in trained]
    reached = sum(value < LIMIT for value in rounds)
    texts = [str(len(trials)), f"{spread(rounds, 1)}; {reached} of {len(rounds)}"]
    for name in EVERYBODY:
        parts = [t["personas"][name] for t in trials if name in t["personas"]]
        before = [p["first_reply_satisfaction"]["before"] for p in parts]
        after = [p["first_reply_satisfaction"]["after"] for p in parts]
        texts.append(f"{statistics.mean(before):.2f} -> {spread(after)}" if parts else "-")
    every = [p for t in trials for p in t["personas"].values() if p["first_reply_satisfaction"]["problems"]]
    texts.append(spread([p["well_formed"]["after"] for p in every]))
    change = [p["answer_accuracy"]["after"] - p["answer_accuracy"]["before"] for p in every]
    texts.append(f"{statistics.mean(change):+.3f} ({min(change):+.2f} to {max(change):+.2f})")
    texts.append(f"{statistics.mean(p['mean_words']['before'] for p in every):.0f} -> "
                 f"{statistics.mean(p['mean_words']['after'] for p in every):.0f}")
    return texts


def table(trials):
    columns = ["", "trials", "rounds until three running; reached", *(f"{name}: satisfied" for name in EVERYBODY),
               "well-formed", "accuracy change", "words"]
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    for row in dict.fromkeys(t["row"] for t in trials):
        lines.append("| " + " | ".join([row, *cells([t for t in trials if t["row"] == row])]) + " |")
    return "\n".join(lines) + "\n"


def paired(trials, row, other):
    """Difference of `row` and `other` over the seeds that both have: mean satisfaction after, its interval over the
    held-out tasks (1.96 standard errors, pairs of the same task) and over the seeds, and the p of a sign-flip test over the seeds."""
    def by_seed(name):
        return {t["seed"]: t["personas"] for t in trials if t["row"] == name}
    a, b = by_seed(row), by_seed(other)
    tasks, seeds = [], []
    for seed in sorted(a.keys() & b.keys()):
        differences = [int(x) - int(y) for name in a[seed].keys() & b[seed].keys()
                       for x, y in zip(a[seed][name]["held_out_satisfied"]["after"],
                                       b[seed][name]["held_out_satisfied"]["after"])]
        tasks += differences
        seeds.append(statistics.mean(differences))
    if len(tasks) < 2:
        return None
    error = 1.96 * statistics.stdev(tasks) / len(tasks) ** 0.5
    over_seeds = 1.96 * statistics.stdev(seeds) / len(seeds) ** 0.5 if len(seeds) > 1 else 0
    masks = range(1 << len(seeds)) if len(seeds) <= 12 else random.Random(1).choices(range(1 << len(seeds)), k=20000)
    flips = [abs(sum(v if mask >> i & 1 else -v for i, v in enumerate(seeds))) for mask in masks]
    p = sum(f >= abs(sum(seeds)) - 1e-12 for f in flips) / len(flips)
    return {"mean": statistics.mean(tasks), "error": error, "over_seeds": over_seeds, "tasks": len(tasks), "seeds": len(seeds), "p": p}


def comparisons(trials):
    """combined_topk beside every other row, what learning adds to a memory and random words to nothing, a line each."""
    rows = list(dict.fromkeys(t["row"] for t in trials))
    pairs = [("combined_topk", other) for other in rows
             if other != "combined_topk" and not any(word in other for word in ["alone", "contraries"])]
    lines = []
    pairs += [("memory + combined_topk", "memory"), ("control: random words", "base"),
              ("control: random words trusting", "base"), ("control: inverted verdicts", "base"),
              ("control: inverted words", "base"), ("control: inverted words trusting", "base")]
    pairs += [(f"{method} {more}", method) for more in ("localised", "graded")
              for method in ("binary", "combined_topk")]
    for row, other in pairs:
        found = paired(trials, row, other)
        if found:
            lines.append(f"- {row} minus {other}: {found['mean']:+.3f} satisfaction, +-{found['error']:.3f} over "
                         f"{found['tasks']} pairs of tasks, +-{found['over_seeds']:.3f} over {found['seeds']} seeds; "
                         f"p = {found['p']:.3f} by their sign flips")
    return "\n".join(lines) + "\n"


def verdicts(trials):
    """What the judge said inside the loop, and what became of what users said, a line per row."""
    lines = ["| | complaints: judged -1, 0, +1, nothing | praise: judged -1, 0, +1, nothing | right | left out or waiting |",
             "|---|---|---|---|---|"]
    for row in dict.fromkeys(t["row"] for t in trials):
        parts = [t["judged"] for t in trials if t["row"] == row and "judged" in t]
        if not parts:
            continue
        bad, good = ([sum(p["said"][meant][i] for p in parts) for i in range(4)] for meant in ("complaint", "praise"))
        right = (bad[0] + good[2]) / max(1, sum(bad) + sum(good))
        lines.append(f"| {row} | {', '.join(map(str, bad))} | {', '.join(map(str, good))} | {right:.3f} | "
                     f"{sum(p['left_out'] for p in parts)} of {sum(p['sayings'] for p in parts)} |")
    return "\n".join(lines) + "\n"


def happenings(trials):
    """What audits took back, which alarms rang, and of whom who speak against the others was learned, a line per row."""
    lines = []
    for row in dict.fromkeys(t["row"] for t in trials):
        parts = [t for t in trials if t["row"] == row and "believed" in t]
        told = []
        for key, text in (("versions_held", "versions held back"), ("trainers_back", "trainers taken back")):
            counts = [p[key] for p in parts]
            if sum(counts):
                told.append(f"{text} {sum(counts)} times in {sum(c > 0 for c in counts)} of {len(parts)} runs")
        for alarm in sorted({alarm for p in parts for alarm in p["alarms"]}):
            told.append(f"alarm {alarm} in {sum(alarm in p['alarms'] for p in parts)}")
        for user in ("hostile", "pedant"):
            said, learned = (sum(p["believed"].get(user, [0, 0])[i] for p in parts) for i in (0, 1))
            if said:
                told.append(f"of {said} sayings of user {user} {learned} learned from, in "
                            f"{sum(p['believed'].get(user, [0, 0])[1] > 0 for p in parts)} of {len(parts)} runs")
        unaudited = sum(p["audited"] is False for p in parts)
        if unaudited:
            told.append(f"measured on a version that no audit had seen in {unaudited}")
        if told:
            lines.append(f"- {row}: {'; '.join(told)}")
    return "\n".join(lines) + "\n"


def rolling(trials, name, window=5):
    """Share of satisfied first replies by round, over trials and the `window` newest rounds."""
    series = [t["personas"][name]["first_replies_satisfied"] for t in trials if name in t["personas"]]
    series = [one for one in series if one]
    length = min((len(one) for one in series), default=0)
    mean = [statistics.mean(int(one[i]) for one in series) for i in range(length)]
    return [statistics.mean(mean[max(0, i + 1 - window):i + 1]) for i in range(length)]


def curves(trials):
    """One panel per user, one line per row."""
    rows = [row for row in dict.fromkeys(t["row"] for t in trials) if not any(word in row for word in VARIANTS)]
    width, height, left, top, gap = 300, 220, 46, 34, 30
    total_width = left + 3 * (width + gap)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{total_width}" height="{top + height + 50 + 16 * len(rows)}" '
             'font-family="sans-serif" font-size="11">', '<rect width="100%" height="100%" fill="white"/>']
    for panel, name in enumerate(PERSONAS):
        x0 = left + panel * (width + gap)
        parts.append(f'<text x="{x0}" y="{top - 12}" font-size="13">{name}: share of satisfied first replies</text>')
        for share in (0, 0.5, 1):
            y = top + height * (1 - share)
            parts.append(f'<line x1="{x0}" x2="{x0 + width}" y1="{y}" y2="{y}" stroke="#dddddd"/>')
            if panel == 0:
                parts.append(f'<text x="{x0 - 6}" y="{y + 4}" text-anchor="end">{share:g}</text>')
        for index, row in enumerate(rows):
            values = rolling([t for t in trials if t["row"] == row], name)
            if len(values) < 2:
                continue
            points = " ".join(f"{x0 + width * i / (len(values) - 1):.1f},{top + height * (1 - v):.1f}"
                              for i, v in enumerate(values))
            dash = ' stroke-dasharray="4 3"' if row.startswith("control") else ""
            parts.append(f'<polyline points="{points}" fill="none" stroke="{COLOURS[index % len(COLOURS)]}" '
                         f'stroke-width="2"{dash}/>')
            if panel == 0:
                y = top + height + 36 + 16 * index
                parts.append(f'<line x1="{left}" x2="{left + 24}" y1="{y - 4}" y2="{y - 4}" '
                             f'stroke="{COLOURS[index % len(COLOURS)]}" stroke-width="2"{dash}/>'
                             f'<text x="{left + 30}" y="{y}">{row}</text>')
        parts.append(f'<text x="{x0 + width / 2}" y="{top + height + 16}" text-anchor="middle">round (mean of the last 5)</text>')
    return "\n".join(parts) + "\n</svg>\n"
