"""The examples run."""

from __future__ import annotations

import subprocess
import sys

import pytest
from conftest import ROOT, has

EXAMPLES = sorted((ROOT / "python" / "examples").glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(path, tmp_path):
    if "import torch" in path.read_text() and not has("torch"):
        pytest.skip("PyTorch is not installed")
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0 and done.stdout, done.stderr
