"""The command in the wheel is the whole command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from conftest import command

import initlab


def test_it_says_its_version_and_ends_as_the_program_does():
    done = command("--version")
    assert (done.returncode, done.stdout.split()) == (0, ["initlab", initlab.__version__])
    assert command("nonsense").returncode == 2
    assert command("train", "no_such.toml").returncode == 2
    assert "PNG" in command("report", "--help").stdout, "features are all there"


def test_it_completes_for_a_shell():
    environment = {**os.environ, "COMPLETE": "bash", "_CLAP_COMPLETE_INDEX": "1", "_CLAP_IFS": "\n"}
    call = [sys.executable, "-m", "initlab", "--", "initlab", "tra"]
    done = subprocess.run(call, capture_output=True, text=True, env=environment, check=False)
    assert done.stdout.split() == ["train"], done.stderr


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_ctrl_c_ends_a_run_that_can_go_on(tmp_path):
    config = tmp_path / "net.toml"
    config.write_text('model = { kind = "mlp", widths = [64] }\ndata.dataset = "digits"\noptimizer.lr = 0.1\ntrain.steps = 10000000\n')
    out = tmp_path / "run"
    call = [sys.executable, "-m", "initlab", "train", str(config), "--out", str(out)]
    process = subprocess.Popen(call, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while not (out / "steps.csv").is_file():
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130 and "--resume" in said, said
    assert initlab.read(out).outcome == "interrupted"
