#!/usr/bin/env python3
"""Measures this machine's processor, and writes what was measured into docs/performance.md.

usage: python benches/report.py measure NAME --mnist DIR [--peers PEERS --python PYTHON] [--rounds 5] [--only PARTS]
       python benches/report.py write
       python benches/report.py check

`measure` times the benchmarks on an otherwise idle machine and keeps medians and extremes in docs/performance/NAME.json; with --only, the
named parts alone (peers, threads, cost, layers, batch, starts, commands), the others staying as they are. PEERS is the script that
benches/compare.py takes. `write` makes a section of docs/performance.md of each such file, and the table at its head of the one that its
mark names; `check` ends with 1 where they are not what `write` would write. Nobody writes these figures by hand.
Needs only the standard library here; --python is the interpreter that has the other frameworks.
"""
import argparse
import datetime
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

import compare

ROOT = pathlib.Path(__file__).resolve().parent.parent
FILES = ROOT / "docs" / "performance"
WORK = {
    "mlp": "784–50–10, batch 512",
    "small_batch": "the same, batch 64",
    "deep": "30 layers of 100, batch 128",
    "wide": "3 layers of 1024, batch 256",
    "cnn": "the lesson's CNN, batch 512",
    "cnn64": "a CNN up to 64 channels, batch 512",
}
PEERS = {"torch": "PyTorch", "jax": "JAX"}


def spread(values):
    """Median and extremes, to four digits."""
    return [float(f"{value:.4g}") for value in (statistics.median(values), min(values), max(values))]


# --- measuring ---


def peers(options, epoch):
    """An epoch on one core beside the other frameworks, with statistics at every step and without."""
    found = {}
    for key, stats in (("with_statistics", ["--stats"]), ("without_statistics", [])):
        with tempfile.TemporaryDirectory() as directory:
            times = os.path.join(directory, "times")
            names = [] if options.peers else ["--peers", ""]
            command = [sys.executable, str(ROOT / "benches/compare.py"), options.peers or "none", "--mnist", options.mnist, "--json", times]
            command += ["--python", options.python, "--rounds", str(options.rounds), "--work", options.work] + stats + names
            subprocess.run(command, check=True, cwd=ROOT)
            lines = [json.loads(line) for line in open(times)]
        found[key] = {work: of_work([line for line in lines if line["work"] == work]) for work in options.work.split(",")}
    return found


def of_work(lines):
    """One row of a table."""
    ours = [line for line in lines if line["peer"] == "initlab"]
    seconds = [compare.seconds(line) for line in ours]
    row = {"seconds": spread(seconds), "gflops": spread([line["gemm_gflops"] for line in ours])}
    row["share"] = spread([line["gemm_s"] / own for line, own in zip(ours, seconds)])
    for peer in PEERS:
        theirs = [compare.seconds(line) for line in lines if line["peer"] == peer]
        if theirs:
            row[peer] = spread([their / own for their, own in zip(theirs, seconds)])
    return row


def ratios(options, first, second, works):
    """Seconds by `first` over seconds by `second`, in turn."""
    found = {}
    for work in works:
        rounds = [[compare.seconds(compare.measure(c, work, options.mnist)) for c in (first, second)] for _ in range(options.rounds)]
        found[work] = spread([a / b for a, b in rounds])
    return found


def threads(options, epoch):
    """What a second core gives to one run, and to two side by side."""
    one, works = [epoch, "--json", "--stats"], ["deep", "cnn", "cnn64"]
    alone = ratios(options, one, one + ["--threads", "2"], works)
    side = ratios(options, one, one + ["--runs", "2"], ["mlp"] + works)
    return {"two_threads": alone, "side_by_side": {work: [2 * x for x in values] for work, values in side.items()}}


def cost(options, epoch):
    """What statistics at every step add, in percent."""
    found = {}
    for work in ("mlp", "small_batch", "deep", "cnn", "cnn64"):
        runs = [run([epoch, "--cost", "--epochs", "4", "--work", work], options).stdout for _ in range(3)]
        found[work] = spread([float(re.search(r"([-+][\d.]+) %", text)[1]) for text in runs])
    return {"cost": found}


def by(options, epoch, work, flag, values):
    one = lambda value: [compare.seconds(compare.measure([epoch, "--json", flag, str(value)], work, options.mnist)) for _ in range(3)]
    return {str(value): spread(one(value)) for value in values}


def layers(options, epoch):
    """Seconds of an epoch by depth."""
    return {"layers": by(options, epoch, "deep", "--depth", (10, 30, 100, 300))}


def batch(options, epoch):
    """Seconds of an epoch by batch size."""
    return {"batch": {work: by(options, epoch, work, "--batch", (16, 64, 256, 1024, 4096)) for work in ("mlp", "cnn")}}


def starts(options, epoch):
    """Seconds of an epoch by the start, over those of Kaiming, in turn."""
    found = {}
    for depth in (50, 120, 300):
        base = [epoch, "--json", "--stats", "--epochs", "1", "--depth", str(depth)]
        found[str(depth)] = {}
        for start in ("torch", "xavier", "lesson-simple"):
            found[str(depth)][start] = ratios(options, base + ["--start", start], base, ["deep"])["deep"]
    return {"starts": found}


def commands(options, epoch):
    """Seconds of whole commands on all cores."""
    subprocess.run(["cargo", "build", "--release"], check=True, cwd=ROOT)
    binary = str(ROOT / "target/release/initlab")
    found = {}
    for name, arguments in (
        ("lesson8", ["lesson8"]),
        ("compare configs/lesson8.toml", ["compare", "configs/lesson8.toml", "--dataset", "mnist", "--out"]),
        ("a run of one step, with its evaluation", ["train", "configs/deep_mlp.toml", "--set", "train={steps=1,batch_size=128}", "--no-report", "--out"]),
    ):
        seconds = []
        for number in range(3):
            with tempfile.TemporaryDirectory() as directory:
                out = [os.path.join(directory, "out")] if arguments[-1] == "--out" else []
                begun = time.monotonic()
                run([binary] + arguments + out, options)
                seconds.append(time.monotonic() - begun)
        found[name] = spread(seconds)
    return {"commands": found}


def run(command, options):
    environment = dict(os.environ, INITLAB_MNIST=options.mnist)
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    return done


PARTS = {part.__name__: part for part in (peers, threads, cost, layers, batch, starts, commands)}


def processor():
    """What the system calls the processor, and the widest vectors that it has."""
    try:
        text = open("/proc/cpuinfo").read()
    except OSError:
        return {"processor": "unknown"}
    field = lambda name: (re.search(rf"^{name}\s*: (.*)$", text, re.M) or [None, "unknown"])[1]
    flags = field("flags").split()
    vectors = next((name for flag, name in (("avx512f", "AVX-512"), ("avx2", "AVX2")) if flag in flags), "no AVX2")
    return {"processor": field("model name"), "family": f"{field('cpu family')}/{field('model')}", "vectors": vectors}


def measure(options):
    path = FILES / f"{options.name}.json"
    kept = json.loads(path.read_text()) if path.exists() else {}
    # A name that says more than the system's stays.
    kept = processor() | kept
    kept.update(cores=os.cpu_count(), day=str(datetime.date.today()), rounds=options.rounds)
    if options.peers:
        code = "import torch, jax; print('PyTorch', torch.__version__.split('+')[0] + ', JAX', jax.__version__)"
        kept["versions"] = subprocess.run([options.python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    epoch = compare.build()
    for part in options.only.split(","):
        print(f"measuring {part}", file=sys.stderr)
        kept.update(PARTS[part](options, epoch))
        FILES.mkdir(exist_ok=True)
        path.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")


# --- writing ---


def number(value):
    return f"{value:#.3g}" if value < 100 else f"{value:.0f}"


def times(values):
    return f"{values[0]:.2f} ({values[1]:.2f}–{values[2]:.2f})" if values else ""


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows] + [""]


def epochs(kept, key, title):
    """Rows of one net each."""
    if key not in kept:
        return []
    found = [(peer, name) for peer, name in PEERS.items() if any(peer in row for row in kept[key].values())]
    head = [title, "s per epoch", "share of the limit"] + [f"times {name}" for _, name in found]
    rows = [
        [work, number(row["seconds"][0]), f"{100 * row['share'][0]:.0f} %"] + [times(row.get(peer)) for peer, _ in found]
        for work, row in kept[key].items()
    ]
    return table(head, rows)


def section(kept):
    """All that was measured on one processor."""
    limits = [x for key in ("with_statistics", "without_statistics") for row in kept.get(key, {}).values() for x in row["gflops"]]
    about = f"{kept['cores']} cores, {kept['vectors']}, {kept['day']}"
    about += f"; the fastest product of one core {min(limits):.0f} to {max(limits):.0f} GFLOP/s" if limits else ""
    about += f"; {kept['versions']}" if "versions" in kept else ""
    lines = [f"### {kept['processor']}", "", f"{about}. Medians of {kept['rounds']} rounds, with the extremes.", ""]
    if kept.get("note"):
        lines += [kept["note"], ""]
    lines += epochs(kept, "with_statistics", "statistics at every step")
    lines += epochs(kept, "without_statistics", "statistics off")
    works = [work for work in WORK if any(work in kept.get(key, {}) for key in ("two_threads", "side_by_side", "cost"))]
    rows = [
        ["two threads against one, times as fast"] + [times(kept.get("two_threads", {}).get(work)) for work in works],
        ["two runs side by side, throughput"] + [times(kept.get("side_by_side", {}).get(work)) for work in works],
        ["statistics at every step add, %"] + [spread_of(kept.get("cost", {}).get(work)) for work in works],
    ]
    lines += table([""] + works, rows) if works else []
    if "starts" in kept:
        names = list(next(iter(kept["starts"].values())))
        rows = [[depth] + [times(row[name]) for name in names] for depth, row in kept["starts"].items()]
        lines += table(["hidden layers: time over that from Kaiming"] + names, rows)
    if "layers" in kept:
        lines += table(["hidden layers of 100"] + list(kept["layers"]), [["s per epoch"] + [number(v[0]) for v in kept["layers"].values()]])
    if "batch" in kept:
        sizes = list(next(iter(kept["batch"].values())))
        lines += table(["batch"] + sizes, [[work + ", s"] + [number(v[0]) for v in row.values()] for work, row in kept["batch"].items()])
    if "commands" in kept:
        rows = [[f"`{name}`" if " of " not in name else name, spread_of(values)] for name, values in kept["commands"].items()]
        lines += table(["whole command, all cores", "s"], rows)
    return lines


def spread_of(values):
    return f"{number(values[0])} ({number(values[1])}–{number(values[2])})" if values else ""


def speed(kept):
    """The table at the head of the page."""
    rows = [
        [WORK[work], f"{number(row['seconds'][0])} s"] + [f"{row[peer][0]:.1f} ×" if peer in row else "" for peer in PEERS]
        for work, row in kept["with_statistics"].items()
    ]
    return table(["", "initlab"] + list(PEERS.values()), rows)


def between(text, mark, lines):
    """`text` with `lines` between its marks."""
    start, end = f"<!-- {mark} -->\n", "<!-- end -->"
    before, rest = text.split(start, 1)
    return before + start + "\n" + "\n".join(lines).rstrip("\n") + "\n\n" + end + rest.split(end, 1)[1]


def page():
    """The page, and its text as it should be."""
    kept = {path.stem: json.loads(path.read_text()) for path in sorted(FILES.glob("*.json"))}
    path = ROOT / "docs/performance.md"
    text = between(path.read_text(), "measured", [line for one in kept.values() for line in section(one)])
    mark, name = re.search(r"<!-- (speed of (\S+)) -->", text).groups()
    return path, between(text, mark, speed(kept[name]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = parser.add_subparsers(dest="action", required=True)
    one = actions.add_parser("measure")
    one.add_argument("name")
    one.add_argument("--mnist", required=True)
    one.add_argument("--peers")
    one.add_argument("--python", default=sys.executable)
    one.add_argument("--rounds", type=int, default=5)
    one.add_argument("--work", default=",".join(WORK))
    one.add_argument("--only", default=",".join(PARTS))
    actions.add_parser("write")
    actions.add_parser("check")
    options = parser.parse_args()
    if options.action == "measure":
        return measure(options)
    path, text = page()
    if options.action == "write":
        path.write_text(text)
    elif path.read_text() != text:
        sys.exit(f"{path.name} is not what `python benches/report.py write` makes of docs/performance/*.json")


if __name__ == "__main__":
    main()
