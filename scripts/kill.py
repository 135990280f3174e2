#!/usr/bin/env python3
"""Kills `initlab` at random moments, and lets it meet itself: in the end every file is as if nothing had happened.

usage: scripts/kill.py [--initlab PATH] [--kills N] [--rounds N] [--seed S] [--jobs N] [--only NAME]…

Kills: a run or a study (event files, a search for learning rates, reports) is killed with signal 9 after a random
time, gone on with, perhaps killed again, and in the end brought to its end. Meetings: several calls at once in one
directory, in every combination, each N times. Afterwards the records must be, byte for byte and reports included,
those of a call that nothing happened to (only times differ); nothing may be left over; a call that ends with 0 must
have printed the whole truth. Ends with 1 if there are findings. Needs nothing but Python.
"""

import argparse
import concurrent.futures
import os
import random
import shutil
import sys
import tempfile
import time

from trials import kills, meetings
from trials.field import Field


class Trials:
    """Cases side by side, each in a directory of its own, and what they found."""

    def __init__(self, field, seed, jobs):
        self.field, self.seed, self.jobs, self.findings = field, seed, jobs, []

    def all(self, cases):
        """Carries out cases: a number, a name, and the function that gives a count and a finding."""
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            return sum(pool.map(lambda case: self.one(*case), cases))

    def one(self, number, name, what):
        cwd = os.path.join(self.field.home, f"case {number}")
        os.mkdir(cwd)
        done, finding = what(self.field, name, random.Random(f"{self.seed}/{number}"), cwd)
        if finding:
            self.findings.append(f"{name}: {finding}")
            print(self.findings[-1], flush=True)
        shutil.rmtree(cwd, ignore_errors=True)
        return done

    def kill(self, names, wanted):
        """Kills until there were as many as wanted."""
        begun, done, cases = time.time(), 0, 0
        while names and done < wanted:
            some = range(cases, cases + min(20, wanted - done))
            done += self.all([(number, names[number % len(names)], kills.kill) for number in some])
            cases += len(some)
        print(f"{done} kills in {cases} directories, {time.time() - begun:.0f} s", flush=True)

    def meet(self, name, rounds):
        """Lets the calls of one kind meet so many times."""
        begun, before = time.time(), len(self.findings)
        what = lambda *case: (1, meetings.meet(*case))
        self.all([(f"{name} {number}", name, what) for number in range(rounds)])
        found = len(self.findings) - before
        print(f"{name}: {rounds} times, {found} findings, {time.time() - begun:.0f} s", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--initlab", default="target/release/initlab", help="the binary")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=40, help="of each meeting")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2, help="cases at a time")
    parser.add_argument("--only", action="append", help="only cases of this name; may be given several times")
    options = parser.parse_args()
    wanted = lambda names: [name for name in names if not options.only or name in options.only]
    killed, met = wanted(kills.KILLED), wanted([*meetings.MEETINGS, meetings.CROWD])
    with tempfile.TemporaryDirectory(prefix="initlab-kill-") as home:
        field = Field(options.initlab, home)
        trials = Trials(field, options.seed, options.jobs)
        # Before several cases ask for the same one at once.
        calls = [kills.KILLED[name][0] for name in killed]
        calls += [call for name in met if name in meetings.MEETINGS for call in meetings.MEETINGS[name][1]]
        for call in calls:
            call[0] == "report" or field.reference(call)
        trials.kill(killed, options.kills)
        for name in met:
            trials.meet(name, options.rounds)
        print(f"{len(trials.findings)} findings")
        return bool(trials.findings)


if __name__ == "__main__":
    sys.exit(main())
