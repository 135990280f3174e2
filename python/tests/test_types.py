"""The types hold: mypy accepts the package and what calls it, and refuses what is wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, has

import initlab

pytestmark = pytest.mark.skipif(not has("mypy"), reason="mypy is not installed")


def mypy(*words: object) -> "subprocess.CompletedProcess[str]":
    call = [sys.executable, "-m", "mypy", "--strict", "--ignore-missing-imports", "--no-error-summary", *map(str, words)]
    return subprocess.run(call, capture_output=True, text=True, check=False, cwd=Path(__file__).parent)


def test_the_package_and_the_examples_are_accepted():
    done = mypy("-p", "initlab")
    assert done.returncode == 0, done.stdout
    # Some of PyTorch's own functions have no types.
    done = mypy("--allow-untyped-calls", *sorted((ROOT / "python" / "examples").glob("*.py")))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "line",
    ["initlab.sample('normal', shape=(2, 3))", "initlab.train(7)", "initlab.theory('relu').chi + initlab.read('x').nothing"],
)
def test_a_wrong_call_is_refused(line, tmp_path):
    (tmp_path / "wrong.py").write_text(f"import initlab\n\n{line}\n")
    assert mypy(tmp_path / "wrong.py").returncode == 1


def test_the_package_says_that_it_has_types():
    assert (Path(initlab.__file__).parent / "py.typed").is_file()
