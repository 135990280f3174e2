"""Damaged records: each reader says so, or shows and makes what it does of whole ones."""

import os
import shutil
import signal
import subprocess
from collections import Counter

from . import configs, damage
from .calls import ENVIRONMENT
from .kinds import Kind
from .records import EVENTS, difference, held, timeless

NET = {
    "data": {"dataset": "../toy"},
    "model": {"kind": "mlp", "widths": [5]},
    "optimizer": {"kind": "sgd", "lr": 0.1, "momentum": 0.9},
    "train": {"steps": 20, "batch_size": 20, "evaluate_every": 5},
    "stats": {"every": 4, "histogram_every": 4, "histogram_bins": 6},
    "record": {"checkpoint_every": 4, "tensorboard": True},
}
STUDY = {
    "base": "net.toml",
    "seeds": 2,
    "targets": [{"test_accuracy": 0.5}],
    "arms": [{"name": "kaiming"}, {"name": "xavier", "set": {"init": {"preset": "xavier"}}}],
}
TRAIN = ("train", "../net.toml", "--out", "run", "--threads", "1", "--json")
RESUME = (*TRAIN, "--resume")
COMPARE = ("compare", "../study.toml", "--out", "study", "--threads", "1")
# What is damaged: records of a run that has ended, of one that was killed on its way, of a study, of one that was killed. And the calls
# that read them, some more than once so that they are tried more often.
CALLS = {
    "run": [("report", "run"), ("report", "run", "--tensorboard"), RESUME],
    "killed": [RESUME, RESUME, ("report", "run")],
    "study": [COMPARE, (*COMPARE, "--report-only"), ("report", "study"), ("report", "study", "--tensorboard")],
    "half": [COMPARE],
}


class Record(Kind):
    """Damaged records."""

    count = 3000

    def __init__(self, binary, home):
        super().__init__(binary, home)
        self.write(home, "net.toml", configs.toml(NET))
        self.write(home, "study.toml", configs.toml(STUDY))
        self.seen, self.files, self.unfinished, self.done, self.contents = Counter(), {}, {}, {}, {}
        for state, calls in CALLS.items():
            self.prepare(state, os.path.join(home, state))
            for arguments in calls:
                cwd = self.copy(state, os.path.join(home, "once"))
                ended, fault = self.call(cwd, *arguments)
                if fault or ended.code:
                    raise SystemExit(f"{state}, {' '.join(arguments)} of whole records: {ended}")
                self.done[state, arguments] = (timeless(ended.stdout), held(cwd))
                shutil.rmtree(cwd)

    def prepare(self, state, cwd):
        """Whole records in `cwd`."""
        os.mkdir(cwd)
        call = TRAIN if state in ("run", "killed") else COMPARE
        if state in ("run", "study"):
            self.call(cwd, *call)
        while state in ("killed", "half") and not self.killed_at_checkpoint(cwd, call, ended=int(state == "half")):
            shutil.rmtree(os.path.join(cwd, call[3]), ignore_errors=True)
        self.files[state], self.unfinished[state] = [], set()
        for root, _, names in os.walk(cwd):
            if "config.toml" in names and "run.json" not in names:
                self.unfinished[state].add(os.path.relpath(root, cwd))
            for name in names:
                path = os.path.join(root, name)
                self.files[state].append(os.path.relpath(path, cwd))
                with open(path, "rb") as file:
                    self.contents.setdefault(kind_of(name), set()).add(file.read())
        self.files[state].sort()

    def killed_at_checkpoint(self, cwd, arguments, ended):
        """Whether the call could be killed while a run had a checkpoint and so many others had ended."""
        process = subprocess.Popen(
            [self.binary, *arguments], cwd=cwd, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

        def ready():
            runs = [names for _, _, names in os.walk(cwd)]
            return sum("run.json" in names for names in runs) >= ended and any(
                "checkpoint.safetensors" in names and "run.json" not in names for names in runs
            )

        while process.poll() is None and not ready():
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
        return ready()

    def copy(self, state, cwd):
        shutil.rmtree(cwd, ignore_errors=True)
        shutil.copytree(os.path.join(self.home, state), cwd)
        return cwd

    def trial(self, draw, cwd):
        state = draw.choice(list(CALLS))
        self.copy(state, cwd)
        path, arguments = draw.choice(self.files[state]), draw.choice(CALLS[state])
        name = kind_of(os.path.basename(path))
        full = os.path.join(cwd, path)
        with open(full, "rb") as file:
            content = file.read()
        how = damage.harm(draw, full, sorted(self.contents[name]))
        before = held(cwd)
        if how is None:
            return None
        ended, fault = self.call(cwd, *arguments)
        reader = f"{arguments[0]} {arguments[-1] if arguments[-1].startswith('--') else ''}".strip()
        case = f"{state}/{path}, {how}: `initlab {' '.join(arguments)}`"
        if fault:
            return f"{case}: {fault}: {ended.stderr[-300:]}"
        # Without its summary a run is one that has not ended, and shown as such; more lines are what such a run writes.
        goes_on = arguments[0] == "report" and (
            (name == "run.json" and how == "deleted") or (state == "killed" and has_grown(full, content))
        )
        if ended.code or name in ended.stderr or goes_on:
            self.seen[name, state, reader, "said so" if not goes_on else "goes on"] += 1
            return None
        stdout, whole = self.done[state, arguments]
        now = held(cwd)
        short = os.path.join(os.path.dirname(path), name)
        # What the call did not need stays as it is; but not in a run that it brought to its end.
        makes = arguments[0] != "report" and os.path.dirname(path) in self.unfinished[state]
        unread = short if now.get(short) == before.get(short) != whole.get(short) and not makes else None
        different = difference(now, whole, [unread])
        if different or timeless(ended.stdout) != stdout:
            self.seen[name, state, reader, "SILENT"] += 1
            return f"{case}: ends with 0 and without a word, but {', '.join(different) or 'what it prints'} differs"
        self.seen[name, state, reader, "did not read it" if unread else "made whole"] += 1
        return None

    def summary(self):
        """What became of the damage, by file and reader."""
        lines = [
            f"  {name:24} {state:7} {reader:24} {what:16} {times:5}"
            for (name, state, reader, what), times in sorted(self.seen.items())
        ]
        return "\n".join(lines)


def kind_of(name):
    """The name of a file without the time that an event file's has."""
    return EVENTS if EVENTS in name else name


def has_grown(path, content):
    """Whether a file begins as it was and goes on."""
    try:
        with open(path, "rb") as file:
            return file.read().startswith(content)
    except FileNotFoundError:
        return False
