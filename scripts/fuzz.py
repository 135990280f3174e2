#!/usr/bin/env python3
"""Tries to make `initlab` panic, hang, or believe damaged records.

usage: scripts/fuzz.py [--initlab PATH] [--kind KIND]… [--count N] [--seed S] [--only I] [--jobs N]

Each kind of trial makes cases by chance and calls the command with limits on memory and processor time:

    config     configs, valid, with wrong values, with broken text: model, init, probe, train, lr-find, report
    set        overrides by --set
    study      study files; some are run and summarised again
    theory     activations, variances, depths, widths
    idx        data sets whose files are not what their names say
    arguments  any command with any options
    record     damaged records of runs and studies, read by report, train --resume and compare

A finding is a panic, an end by a signal, more processor time than the limit, a failure without a word, or, of damaged records, an end with
0 and another result but no word about it. Case I of a kind follows from the seed alone: `--kind KIND --seed S --only I` makes it again and
keeps its directory. Ends with 1 if there are findings. Needs nothing but Python and Linux or macOS.
"""

import argparse
import concurrent.futures
import os
import random
import shutil
import sys
import tempfile
import time
import traceback

from trials import damaged, kinds

KINDS = {
    "config": kinds.Config,
    "set": kinds.Set,
    "study": kinds.Study,
    "theory": kinds.Theory,
    "idx": kinds.Idx,
    "arguments": kinds.Arguments,
    "record": damaged.Record,
}


def run(name, options):
    """All cases of a kind; the findings."""
    home = tempfile.mkdtemp(prefix="initlab-fuzz-")
    kind = KINDS[name](os.path.abspath(options.initlab), home)
    begun, findings = time.time(), []

    def one(number):
        cwd = os.path.join(home, f"case{number}")
        os.mkdir(cwd)
        try:
            finding = kind.trial(random.Random(f"{options.seed}/{name}/{number}"), cwd)
        except Exception:
            finding = f"this script fails: {traceback.format_exc()}"
        if options.only is None:
            shutil.rmtree(cwd, ignore_errors=True)
        return number, finding

    numbers = [options.only] if options.only is not None else range(options.count or kind.count)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for number, finding in pool.map(one, numbers):
            if finding:
                findings.append(finding)
                print(f"{name} --seed {options.seed} --only {number}: {finding}", flush=True)
    print(f"{name}: {len(numbers)} cases, {len(findings)} findings, {time.time() - begun:.0f} s", flush=True)
    if summary := kind.summary():
        print(summary, flush=True)
    if options.only is None:
        shutil.rmtree(home, ignore_errors=True)
    else:
        print(f"left in {home}")
    return findings


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--initlab", default="target/release/initlab", help="the binary")
    parser.add_argument("--kind", action="append", choices=KINDS, help="only this kind; may be given several times")
    parser.add_argument("--count", type=int, help="cases of each kind, instead of its own number")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="make one case again, with one --kind, and keep its directory")
    parser.add_argument("--jobs", type=int, default=2, help="cases at a time")
    options = parser.parse_args()
    if options.only is not None and len(options.kind or []) != 1:
        parser.error("--only needs one --kind")
    found = [finding for name in options.kind or KINDS for finding in run(name, options)]
    print(f"{len(found)} findings")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
