"""Where calls are killed and meet each other, and what calls that nothing happens to leave."""

import os
import shutil
import signal
import subprocess
import tempfile
import time

from . import configs, toy
from .calls import ENVIRONMENT, Ended
from .records import difference, held, timeless

NET = {
    "data": {"dataset": "../toy"},
    "model": {"kind": "mlp", "widths": [7, 5]},
    "optimizer": {"kind": "sgd", "lr": 0.1, "momentum": 0.9},
    "train": {"steps": 60, "batch_size": 20, "evaluate_every": 6},
    "stats": {"every": 3, "histogram_every": 6, "histogram_bins": 10},
    "record": {"checkpoint_every": 4, "tensorboard": True},
}
STUDY = {
    "base": "net.toml",
    "seeds": 3,
    "targets": [{"test_accuracy": 0.5}],
    "arms": [{"name": "kaiming"}, {"name": "xavier", "set": {"init": {"preset": "xavier"}}}],
    "set": {"train": {"steps": 20}},
}
TUNED = STUDY | {"seeds": 2, "learning_rate": {"tune": {"low": 0.02, "high": 0.2, "points": 3}}}

# Words that say how a call goes about it, not what it leaves.
MANNERS = ("--resume", "--overwrite", "--report-only", "--shard", "0/2", "1/2")


class Field:
    """Data, configs, and a directory for each case, whose calls write to `out`."""

    def __init__(self, binary, home):
        self.binary, self.home, self.whole = os.path.abspath(binary), home, {}
        toy.write(os.path.join(home, "toy"))
        for name, tree in {"net": NET, "study": STUDY, "tuned": TUNED}.items():
            with open(os.path.join(home, f"{name}.toml"), "w") as file:
                file.write(configs.toml(tree))

    def start(self, cwd, arguments):
        """Begins a call; it goes on beside this script."""
        pipe, environment = subprocess.PIPE, ENVIRONMENT | {"HOME": cwd}
        command = [self.binary, *arguments]
        return subprocess.Popen(command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe)

    def end(self, process):
        """Waits for the end of a call."""
        stdout, stderr = process.communicate(timeout=300)
        return Ended(process.returncode, stdout, stderr.decode("utf-8", "replace"))

    def kill(self, process, after):
        """Kills a call after so many seconds, unless it ends before."""
        time.sleep(after)
        process.send_signal(signal.SIGKILL)
        return self.end(process)

    def reference(self, arguments):
        """What an undisturbed call leaves and prints, and the seconds that it takes."""
        plain = [word for word in arguments if word not in MANNERS]
        key = " ".join(plain)
        if key not in self.whole:
            cwd = tempfile.mkdtemp(dir=self.home)
            begun = time.time()
            ended = self.end(self.start(cwd, plain))
            if ended.code:
                raise SystemExit(f"{key}: {ended}")
            self.whole[key] = (held(os.path.join(cwd, "out")), timeless(ended.stdout), time.time() - begun)
            shutil.rmtree(cwd)
        return self.whole[key]

    def judge(self, ended, arguments):
        """What is wrong with the way a call ended, or with what it printed if it ended well."""
        if fault := ended.fault():
            return f"`{' '.join(arguments)}`: {fault}: {ended.stderr[-300:]}"
        prints = ended.code == 0 and ended.stdout.strip() and arguments[0] != "report"
        if prints and timeless(ended.stdout) != self.reference(arguments)[1]:
            return f"`{' '.join(arguments)}` ends with 0 but prints something else"
        return None

    def finish(self, cwd, calls):
        """The first of these calls that does not refuse must leave a whole directory."""
        refusals = ""
        for arguments in calls:
            ended = self.end(self.start(cwd, arguments))
            if wrong := self.judge(ended, arguments):
                return wrong
            if ended.code == 0:
                different = difference(held(os.path.join(cwd, "out")), self.reference(arguments)[0])
                return f"after `{' '.join(arguments)}` {', '.join(different[:9])} differ" if different else None
            refusals += ended.stderr
        return f"cannot go on: {refusals}"
