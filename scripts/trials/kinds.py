"""The kinds of trial: each makes a case from a source of chance, calls the command, and gives what it found wrong."""

import gzip
import os

from . import configs, damage, spoil, toy
from .calls import call
from .records import difference, held


class Kind:
    """Calls that must end with a result or with a reason: no panic, no signal, no endless run."""

    count = 1000

    def __init__(self, binary, home):
        self.binary, self.home = binary, home
        toy.write(os.path.join(home, "toy"))

    def call(self, cwd, *arguments, deaf=None):
        """The call, and what is wrong with its end."""
        ended = call(self.binary, [str(argument) for argument in arguments], cwd, deaf=deaf)
        return ended, ended.fault()

    def summary(self):
        """What else there is to say after all cases."""
        return ""

    def write(self, cwd, name, content):
        path = os.path.join(cwd, name)
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
        return path


def commands(draw):
    """A command that reads a config, as the arguments before and after it."""
    return draw.choices(
        [
            (["model"], []),
            (["init"], ["--output", "start.safetensors"]),
            (["probe"], ["--seeds", draw.choice([1, 2]), "--pairs", draw.choice([1, 4]), "--out", "probe"]),
            (["train"], ["--out", "run", *draw.choice([[], ["--tensorboard"], ["--json"], ["--no-report"]])]),
            (
                ["lr-find"],
                ["--steps", draw.choice([1, 2, 20]), *draw.choice([[], ["--low", "1e-30"], ["--high", "1e30"]])],
            ),
        ],
        [4, 1, 2, 3, 1],
    )[0]


class Config(Kind):
    """Configs, valid, with wrong values, and with broken text."""

    count = 6000

    def trial(self, draw, cwd):
        tree = configs.experiment(draw, "../toy")
        way = draw.randrange(4)
        for _ in range([0, 1, 3, 0][way]):
            spoil.spoil(draw, tree)
        text = configs.toml(tree)
        self.write(cwd, "net.toml", spoil.scramble(draw, text) if way == 3 else text)
        before, after = commands(draw) if way < 3 else (["model"], [])
        ended, fault = self.call(cwd, *before, "net.toml", *after)
        if fault or ended.code or before != ["train"]:
            return fault
        return self.call(cwd, "report", "run")[1] or self.call(cwd, "train", "net.toml", *after, "--resume")[1]


class Set(Kind):
    """Overrides by `--set`, of a config and of a study."""

    count = 2500

    def trial(self, draw, cwd):
        study = draw.random() < 0.3
        tree = (configs.study if study else configs.experiment)(draw, "../toy")
        self.write(cwd, "net.toml", configs.toml(tree))
        sets = []
        for _ in range(draw.choice([1, 1, 2, 4])):
            # The length of training stays: every call is to end soon.
            path = [
                str(key)
                for key in draw.choice(
                    [path for path in spoil.places(tree) if path[-1] not in ("steps", "train", "base")]
                )
            ]
            draw.random() < 0.2 and path.append(draw.choice(["x", "kind", "0", ""]))
            value = (
                configs.toml(spoil.nasty(draw), False)
                if draw.random() < 0.7
                else draw.choice(spoil.TEXTS + ["1e999", "[", "{a=", "0x", "1_0", "2024-01-01", "a=b", ","])
            )
            text = ".".join(path) + draw.choice(["=", "=", "=", " = ", "", "=="]) + value
            sets += ["--set", text.replace("\0", "")]
        before, after = (["compare"], ["--dry-run"]) if study else commands(draw)
        return self.call(cwd, *before, "net.toml", *after, *sets)[1]


class Study(Kind):
    """Study files, valid and with wrong values; some are run, and run again."""

    count = 1000

    def trial(self, draw, cwd):
        tree, way = configs.study(draw, "../toy"), draw.randrange(4)
        for _ in range([0, 1, 3, 0][way]):
            spoil.spoil(draw, tree)
        text = configs.toml(tree)
        self.write(cwd, "study.toml", spoil.scramble(draw, text) if way == 3 else text)
        # What a change makes of the number of runs is anyone's guess.
        if way or draw.random() < 0.5:
            return self.call(cwd, "compare", "study.toml", "--dry-run")[1]
        ended, fault = self.call(cwd, "compare", "study.toml", "--out", "out", "--threads", 1)
        if fault or ended.code:
            return fault
        before = held(os.path.join(cwd, "out"))
        ended, fault = self.call(cwd, "compare", "study.toml", "--out", "out", "--report-only")
        changed = difference(held(os.path.join(cwd, "out")), before)
        return (
            fault
            or (f"`--report-only` ends with {ended.code}: {ended.stderr}" if ended.code else None)
            or (f"`--report-only` changes {changed}" if changed else None)
        )


class Theory(Kind):
    """Arguments of `theory`."""

    count = 2500

    def trial(self, draw, cwd):
        name = draw.choice(configs.ACTIVATIONS)
        real = lambda: draw.choice([configs.number(draw), configs.number(draw, 1e-9, 1e9), draw.choice(spoil.FLOATS)])
        parameters = [
            f"{key}={real()}"
            for key in configs.PARAMETERS.get(name, ["leak"] * (draw.random() < 0.1))
            if draw.random() < 0.7
        ]
        text = name + (":" + ",".join(parameters) if parameters else "")
        if draw.random() < 0.1:
            text = spoil.scramble(draw, text).decode("utf-8", "replace").replace("\0", "")
        arguments = ["theory", text]
        if draw.random() < 0.6:
            arguments += [f"--variance-w={real()}"]
            arguments += [f"--variance-b={real()}"] if draw.random() < 0.6 else []
        if draw.random() < 0.6:
            arguments += [f"--depth={draw.choice([1, 2, 3, 10, 50, 100, 1000, 10_000, 0, -1, 10_001])}"]
            arguments += (
                [f"--width={draw.choice([1, 2, 100, 10_000, (1 << 32) - 1, 0, 1 << 32])}"]
                if draw.random() < 0.6
                else []
            )
        arguments += ["--json"] if draw.random() < 0.3 else []
        ended, fault = self.call(cwd, *arguments)
        # A number that does not exist is left out with a reason.
        if not fault and not ended.code and b"NaN" in ended.stdout:
            return "prints NaN"
        return fault


class Idx(Kind):
    """Data sets whose files are not what their names say."""

    count = 2000

    def trial(self, draw, cwd):
        size = lambda: draw.choice([1, 2, 3, 6, 6, 17])
        shape = dict(
            train=draw.choice([1, 3, 7, 60]),
            test=draw.choice([1, 3, 24]),
            rows=size(),
            cols=size(),
            classes=draw.choice([1, 2, 3, 3, 10, 256]),
        )
        contents = toy.files(**shape, seed=draw.random())
        for _ in range(draw.choice([0, 1, 1, 2])):
            at = draw.randrange(4)
            contents[at] = self.spoil(draw, contents[at])
        toy.write(os.path.join(cwd, "data"), contents)
        self.rename(draw, os.path.join(cwd, "data"))
        ended, fault = self.call(cwd, "data", draw.choice(["verify", "info"]), "--dataset", "data")
        if fault or ended.code:
            return fault
        self.write(cwd, "net.toml", configs.toml(configs.experiment(draw, "data")))
        before, after = commands(draw)
        return self.call(cwd, *before, "net.toml", *after)[1]

    def spoil(self, draw, content):
        way = draw.randrange(7)
        if way == 0:
            header = [
                draw.choice([0, 1, 2, 255, 65_536, (1 << 31) - 1, (1 << 32) - 1])
                for _ in range(draw.choice([0, 1, 2, 3, 4, 255]))
            ]
            return toy.idx(
                header,
                content[16:],
                draw.choice([8, 8, 9, 11, 12, 13, 14, 0, 255]),
                draw.choice([b"\0\0", b"\0\0", b"\1\0", b"\x1f\x8b"]),
            )
        if way == 1:
            return gzip.compress(content) + draw.choice([b"", b"", b"\0" * 5, b"x", gzip.compress(b"more")])
        if way == 2:
            packed = bytearray(gzip.compress(content))
            packed[draw.randrange(len(packed))] ^= 1 << draw.randrange(8)
            return bytes(packed[: draw.choice([len(packed), draw.randrange(len(packed))])])
        if way == 3:
            return content[:16] + bytes(draw.randrange(256) for _ in content[16:])
        if way == 4:
            return gzip.compress(bytes(1 << 26))
        changed, _ = damage.changed(draw, draw.choice(damage.WAYS[:7]), bytearray(content), [])
        return bytes(changed)

    def rename(self, draw, directory):
        if draw.random() < 0.2:
            name = draw.choice(toy.NAMES)
            other = os.path.join(
                directory, draw.choice([name + ".gz", name + ".zip", name.upper(), name.replace("-idx", ".idx")])
            )
            path = os.path.join(directory, name)
            draw.choice([os.rename, os.symlink, lambda a, _: os.remove(a), lambda a, _: (os.remove(a), os.mkdir(a))])(
                path, other
            )


class Arguments(Kind):
    """Calls of any command with any options."""

    count = 1500
    OPTIONS = "--set --seed --dataset --data --threads --device --out --resume --overwrite --ascii --tensorboard --no-report --json --seeds --pairs --low --high --steps --output --svg --png --dry-run --report-only --shard --cohort --help --variance-w --depth --markdown --reference --runs".split()

    def trial(self, draw, cwd):
        self.write(cwd, "net.toml", configs.toml(configs.experiment(draw, "../toy")))
        self.write(cwd, "study.toml", configs.toml(configs.study(draw, "../toy")))
        words = [
            "net.toml",
            "study.toml",
            "../toy",
            "run",
            "cpu",
            "cuda",
            "0/2",
            "2/2",
            "digits",
            "x",
            "-1",
            "1",
            "2",
            "1e-3",
            "model.bias=false",
            "seeds=1",
            ".",
        ] + [text.replace("\0", "") for text in spoil.TEXTS]
        command = draw.choice(
            [
                "train",
                "compare",
                "lr-find",
                "init",
                "model",
                "probe",
                "report",
                "theory",
                "data",
                "data info",
                "data verify",
                "completions",
                "help",
                "x",
            ]
        )
        arguments = command.split() + ([draw.choice(["net.toml", "study.toml"])] if draw.random() < 0.8 else [])
        for _ in range(draw.randrange(5)):
            arguments.append(draw.choice(self.OPTIONS))
            arguments += [draw.choice(words)] if draw.random() < 0.6 else []
        deaf = draw.choice([None, None, None, "full", "gone"])
        fault = self.call(cwd, *arguments, deaf=deaf)[1]
        return fault and f"`{' '.join(arguments)}`, {deaf or 'heard'}: {fault}"
