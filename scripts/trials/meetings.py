"""Calls that meet each other in one directory, in every combination."""

import os
import time

from .kills import COMPARE, TRAIN
from .records import held

RESUME = [*TRAIN, "--resume"]
SEEDED = [*TRAIN, "--seed", "1"]
STUDY = [*COMPARE, "--set", "seeds=[7, 8]"]

# What was begun before and killed, the calls at once, and calls of which the first that does not refuse must find or make a whole
# directory of its own.
MEETINGS = {
    "two trains": (None, [TRAIN, TRAIN], [RESUME]),
    "two trains, two seeds": (None, [TRAIN, SEEDED], [RESUME, [*SEEDED, "--resume"]]),
    "a train beside a resume": (TRAIN, [TRAIN, RESUME], [RESUME, TRAIN]),
    "two resumes": (TRAIN, [RESUME, RESUME], [RESUME, TRAIN]),
    "two that overwrite": (TRAIN, [[*TRAIN, "--overwrite"], [*SEEDED, "--overwrite"]], [RESUME, [*SEEDED, "--resume"]]),
    "a report beside a train": (None, [TRAIN, ["report", "out"]], [RESUME]),
    "two compares": (None, [COMPARE, COMPARE], [COMPARE]),
    "three compares": (None, [COMPARE, [*COMPARE, "--threads", "1"], COMPARE], [COMPARE]),
    "two compares that go on": (COMPARE, [COMPARE, COMPARE], [COMPARE]),
    "a compare beside --report-only": (COMPARE, [COMPARE, [*COMPARE, "--report-only"]], [COMPARE]),
    "two studies": (None, [COMPARE, STUDY], [COMPARE, STUDY]),
    "two shards": (None, [[*COMPARE, "--shard", "0/2"], [*COMPARE, "--shard", "1/2"]], [COMPARE]),
    "a train beside a compare": (None, [TRAIN, COMPARE], [RESUME, COMPARE]),
}
CROWD = "thirty trains"


def meet(field, name, draw, cwd):
    """Lets calls meet; what is wrong with what they leave."""
    if name == CROWD:
        return crowd(field, cwd)
    before, calls, after = MEETINGS[name]
    if before:
        field.kill(field.start(cwd, before), draw.uniform(0.3, 1) * field.reference(before)[2])
    processes = []
    for arguments in draw.sample(calls, len(calls)):
        time.sleep(draw.choice([0, 0, 0.001, 0.003, 0.01]))
        processes.append((arguments, field.start(cwd, arguments)))
    ends = [(arguments, field.end(process)) for arguments, process in processes]
    for arguments, ended in ends:
        if wrong := field.judge(ended, arguments):
            return wrong
    written = {field.reference(call)[1] for call, ended in ends if call[0] == "train" and ended.code == 0}
    if len(written) > 1 and "overwrite" not in name:
        return "both say that they wrote the one directory"
    return field.finish(cwd, after)


def crowd(field, cwd):
    """Thirty runs at once that name no directory: each gets one of its own."""
    rates = [round(0.01 + 0.001 * i, 3) for i in range(30)]
    common = ["--set", "train.steps=8", "--json", "--no-report", "--threads", "1"]
    processes = [field.start(cwd, ["train", "../net.toml", "--set", f"optimizer.lr={rate}", *common]) for rate in rates]
    failed = [ended for ended in map(field.end, processes) if ended.code]
    if failed:
        return f"{len(failed)} of 30 fail: {failed[0].stderr}"
    runs = os.path.join(cwd, "runs")
    found = [held(os.path.join(runs, directory)) for directory in os.listdir(runs)]
    if len(found) != 30:
        return f"{len(found)} directories of 30"
    for rate in rates:
        own = [files for files in found if f"lr = {rate}\n".encode() in files.get("config.toml", b"")]
        steps = own[0].get("steps.csv", b"").splitlines() if len(own) == 1 else []
        if len(steps) != 9 or steps[1].split(b",")[3] != str(rate).encode():
            return f"the run with rate {rate} is lost, or its config stands beside another's steps"
    return None
