#!/usr/bin/env python3
"""Times initlab and the same training in other frameworks in turn, on the same cores, and prints the ratios.

usage: python benches/compare.py PEERS --mnist DIR [--peers torch,jax] [--work NAMES] [--stats] [--threads N] [--runs P]
                                 [--rounds 5] [--epochs 2] [--cores 0] [--python python3] [--json FILE]

PEERS is a script that takes a peer's name, --mnist, --work, --threads, --processes, --epochs and --stats, and prints one line of
JSON for each piece of work, with the fields peer, work and epoch_s, as `cargo bench --bench epoch -- --json` does.
A round runs every program once for each piece of work; ratios are taken within a round, and their median is
printed with their extremes. --cores pins all programs to the same cores (taskset); name as many as threads or runs.
Needs only the standard library here; --python is the interpreter that has the other frameworks.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("script", metavar="PEERS")
    parser.add_argument("--mnist", required=True, help="directory of the four MNIST .gz files")
    parser.add_argument("--peers", default="torch,jax")
    parser.add_argument("--work", default="mlp,small_batch,deep,wide,cnn,cnn64")
    parser.add_argument("--stats", action="store_true", help="every layer's statistics at every step")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=int, default=1, help="runs, or processes, side by side")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=2, help="epochs of a run, of which the best counts")
    parser.add_argument("--cores", default="0")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--json", help="write every time here")
    return parser.parse_args()


def build():
    """Builds the benchmark and returns its path."""
    command = ["cargo", "bench", "--bench", "epoch", "--no-run", "--message-format=json"]
    for line in subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines():
        message = json.loads(line)
        if message.get("executable") and message["target"]["name"] == "epoch":
            return message["executable"]
    sys.exit("cargo built no benchmark called epoch")


def commands(options, binary):
    """The command of each program, without the piece of work."""
    common = ["--threads", str(options.threads), "--epochs", str(options.epochs)] + ["--stats"] * options.stats
    peers = [name for name in options.peers.split(",") if name]
    programs = {"initlab": [binary, "--json", "--limit", "--runs", str(options.runs)] + common}
    for peer in peers:
        script = [options.python, options.script, peer, "--mnist", options.mnist, "--processes", str(options.runs)]
        programs[peer] = script + common
    return {name: ["taskset", "-c", options.cores] + command for name, command in programs.items()}


def measure(command, work, mnist):
    """One run: the last line of JSON that the program printed."""
    environment = dict(os.environ, INITLAB_MNIST=mnist)
    done = subprocess.run(command + ["--work", work], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} --work {work} failed:\n{done.stderr}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def seconds(line):
    """The slowest of the runs side by side: all of them must be done."""
    return max(line["epoch_s"])


def report(work, rounds):
    """One line for each program: median time, and how many times as long it takes as initlab."""
    ours = [seconds(line["initlab"]) for line in rounds]
    shares = [line["initlab"]["gemm_s"] / seconds(line["initlab"]) for line in rounds]
    share = f"{100 * statistics.median(shares):.0f} % of the products' limit"
    print(f"{work:11}  initlab {statistics.median(ours):8.4f} s  {share}")
    for peer in rounds[0]:
        if peer == "initlab":
            continue
        theirs = [seconds(line[peer]) for line in rounds]
        ratios = sorted(their / our for their, our in zip(theirs, ours))
        spread = f"{statistics.median(ratios):.2f}×  ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        print(f"{'':11}  {peer:7} {statistics.median(theirs):8.4f} s  {spread}")
    sys.stdout.flush()


def main():
    options = parse()
    programs = commands(options, build())
    every = []
    for work in options.work.split(","):
        rounds = []
        for number in range(options.rounds):
            print(f"{work}: round {number + 1} of {options.rounds}", file=sys.stderr)
            rounds.append({name: measure(command, work, options.mnist) for name, command in programs.items()})
        report(work, rounds)
        every += [line for one in rounds for line in one.values()]
    if options.json:
        with open(options.json, "w") as file:
            file.writelines(json.dumps(line) + "\n" for line in every)


if __name__ == "__main__":
    main()
