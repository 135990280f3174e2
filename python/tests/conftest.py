"""What the tests share: small configs on the built-in digits, the command, and what is skipped where a package lacks."""

from __future__ import annotations

import importlib.util
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Callable

import pytest

ROOT = Path(__file__).resolve().parents[2]

MLP = {
    "name": "net",
    "model": {"kind": "mlp", "widths": [20]},
    "data": {"dataset": "digits"},
    "optimizer": {"kind": "sgd", "lr": 0.1},
    "train": {"steps": 30, "evaluate_every": 10},
}

STUDY = {
    "name": "two starts",
    "base": {**MLP, "train": {"steps": 20}},
    "seeds": 2,
    "baseline": "xavier",
    "targets": [{"train_loss": 2.0}],
    "arms": [
        {"name": "xavier", "set": {"init": {"preset": "xavier"}}},
        {"name": "kaiming", "set": {"init": {"preset": "kaiming"}}},
    ],
}


# A shell that starts the tests in the background has them ignore Ctrl-C, which some of them press.
signal.signal(signal.SIGINT, signal.default_int_handler)


def has(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def command(*words: object) -> "subprocess.CompletedProcess[str]":
    """The command `initlab` of this environment."""
    call = [sys.executable, "-m", "initlab", *map(str, words)]
    return subprocess.run(call, capture_output=True, text=True, check=False)


def interrupting() -> "Callable[..., None]":
    """What shows progress, and has Ctrl-C pressed once there is some."""
    begun = threading.Event()

    def press() -> None:
        begun.wait(120)
        signal.raise_signal(signal.SIGINT)

    threading.Thread(target=press, daemon=True).start()

    def show(what: str, *values: object) -> None:
        if what == "done":
            begun.set()

    return show


def pytest_collection_modifyitems(items: "list[pytest.Item]") -> None:
    """Leaves out doctests of functions for PyTorch where it is not installed."""
    for item in items:
        examples = getattr(getattr(item, "dtest", None), "examples", [])
        if any("import torch" in example.source for example in examples) and not has("torch"):
            item.add_marker(pytest.mark.skip(reason="PyTorch is not installed"))
