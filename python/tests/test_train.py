"""Runs from Python: the command's records, whatever the config's form; stopped, resumed, beside each other."""

from __future__ import annotations

import copy
import threading
import time
import warnings

import numpy as np
import pytest
from conftest import MLP, command, interrupting

import initlab

TOML = """
name = "net"
model = { kind = "mlp", widths = [20] }
data.dataset = "digits"
optimizer = { kind = "sgd", lr = 0.1 }
train = { steps = 30, evaluate_every = 10 }
"""
FILES = ["steps.csv", "epochs.csv", "layers.csv", "model.safetensors", "init.safetensors"]


def train(config, out, **more):
    return initlab.train(config, out=out, progress=False, **more)


def test_path_text_and_dict_give_the_commands_records(tmp_path):
    file = tmp_path / "net.toml"
    file.write_text(TOML)
    done = command("train", file, "--out", tmp_path / "command")
    assert done.returncode == 0, done.stderr
    for form, config in [("path", file), ("word", str(file)), ("text", TOML), ("dict", MLP)]:
        run = train(config, tmp_path / form)
        for name in FILES:
            expected = tmp_path / "command" / name
            if expected.exists():
                assert (run.directory / name).read_bytes() == expected.read_bytes(), (form, name)


def test_overrides_are_short_names_sections_and_paths(tmp_path):
    run = train(
        MLP,
        tmp_path / "run",
        lr=0.25,
        init="xavier",
        activation={"kind": "leaky_relu", "leak": 0.1},
        train__batch_size=np.int64(32),
        record={"weights": False},
        seed=5,
    )
    config = run.config
    assert "lr = 0.25" in config and "xavier" in config and "batch_size = 32" in config and "seed = 5" in config
    assert run.summary["seed"] == 5
    with pytest.raises(initlab.RecordError, match="model.safetensors"):
        run.weights


def test_tables_have_every_step_and_layer(tmp_path):
    run = train(MLP, tmp_path / "run")
    assert run.outcome == "finished" and run.summary["steps"] == 30
    assert list(run.steps["step"]) == list(range(30))
    assert len(run.epochs["step"]) == 3 and set(run.layers["layer"]) == {"linear1", "linear2"}
    assert np.isfinite(np.asarray(run.steps["loss"])).all()
    weights = run.weights
    assert weights["1.weight"].shape[0] == 20 and weights["1.weight"].dtype == np.float32


def test_charts_and_report_show_themselves(tmp_path):
    run = train(MLP, tmp_path / "run")
    charts = run.plot("loss")
    assert charts and all("loss" in title.lower() for title, _ in charts)
    assert "<svg" in charts._repr_html_() and charts.save(tmp_path / "charts")[0].read_text().startswith("<")
    assert run._repr_html_().startswith("<iframe srcdoc=")
    assert "<!DOCTYPE html>" in run.report(tmp_path / "page.html") and (tmp_path / "page.html").is_file()
    with pytest.raises(initlab.UsageError, match="nonsense"):
        run.plot("nonsense")


def test_without_a_directory_the_first_free_one_is_taken(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runs = [initlab.train(MLP, lr=0.2, progress=False).directory.as_posix() for _ in range(2)]
    assert runs == ["runs/net-lr0.2-seed0", "runs/net-lr0.2-seed0-2"]


@pytest.mark.parametrize(
    "change, file, line, key, words",
    [
        ({"optimizer": {"kind": "sgdd", "lr": 0.1}}, "config", True, "optimizer.kind", "sgd"),
        ({"modell": {}}, "config", True, "modell", "model"),
        ({"train": {"steps": -3}}, "config", True, "train.steps", "-3"),
    ],
)
def test_a_mistake_in_a_config_has_its_place(tmp_path, change, file, line, key, words):
    with pytest.raises(initlab.ConfigError) as raised:
        train({**MLP, **change}, tmp_path / "run")
    error = raised.value
    assert (error.file, error.line is not None, error.key) == (file, line, key), str(error)
    assert words in str(error) and not (tmp_path / "run").exists()


def test_an_override_that_means_nothing_is_named(tmp_path):
    with pytest.raises(initlab.ConfigError, match="momentun") as raised:
        train(MLP, tmp_path / "run", optimizer__momentun=0.9)
    assert "momentum" in str(raised.value)


@pytest.mark.parametrize(
    "config, more, kind, words",
    [
        ("no/such.toml", {}, initlab.UsageError, "no/such.toml"),
        (7, {}, initlab.UsageError, "int"),
        ({"model": {1: 2}}, {}, initlab.UsageError, "model"),
        ({"model": {"kind": print}}, {}, initlab.UsageError, "model.kind"),
        (MLP, {"threads": 0}, initlab.UsageError, "threads"),
        (MLP, {"resume": True}, initlab.UsageError, "resume"),
        (MLP, {"dataset": "no/such/place"}, initlab.DataError, "no/such/place"),
        ({"arms": []}, {}, initlab.UsageError, "study"),
        ("model = [", {}, initlab.ConfigError, "TOML"),
    ],
)
def test_what_cannot_be_done_is_named(tmp_path, config, more, kind, words):
    with pytest.raises(kind, match=words):
        train(config, tmp_path / "run", **more)


def test_a_directory_that_is_taken_or_closed_is_named(tmp_path):
    train(MLP, tmp_path / "run")
    with pytest.raises(initlab.RecordError, match="already holds a run"):
        train(MLP, tmp_path / "run")
    (tmp_path / "file").write_text("")
    with pytest.raises(initlab.RecordError, match="file"):
        train(MLP, tmp_path / "file" / "run")
    assert train(MLP, tmp_path / "run", overwrite=True).outcome == "finished"


def test_interrupted_in_the_middle_records_are_whole_and_the_run_goes_on(tmp_path):
    long = {**MLP, "train": {"steps": 10_000_000}}
    with pytest.raises(KeyboardInterrupt):
        initlab.train(long, out=tmp_path / "run", progress=interrupting())
    run = initlab.read(tmp_path / "run")
    assert run.outcome == "interrupted"
    steps = run.summary["steps"]
    assert 0 < steps < 10_000_000 and len(run.steps["step"]) == steps
    with pytest.raises(KeyboardInterrupt):
        initlab.train(long, out=tmp_path / "run", resume=True, progress=interrupting())
    assert initlab.read(tmp_path / "run").summary["steps"] > steps


def test_an_exception_of_the_callers_progress_ends_the_run_with_its_records(tmp_path):
    def show(what, *values):
        if what == "line":
            raise ZeroDivisionError(values)

    with pytest.raises(ZeroDivisionError):
        initlab.train({**MLP, "train": {"steps": 1_000_000, "evaluate_every": 5}}, out=tmp_path / "run", progress=show)
    assert initlab.read(tmp_path / "run").outcome == "interrupted"


def test_a_run_in_a_thread_and_one_in_the_main_thread_at_once(tmp_path):
    found = {}
    thread = threading.Thread(target=lambda: found.update(run=train(MLP, tmp_path / "a", seed=3)))
    thread.start()
    own = train(MLP, tmp_path / "b", seed=3)
    thread.join()
    for name in FILES[:3]:
        assert (own.directory / name).read_bytes() == (found["run"].directory / name).read_bytes()


def test_pythons_lock_is_released(tmp_path):
    beats = []
    done = threading.Event()

    def beat():
        while not done.is_set():
            beats.append(time.monotonic())
            time.sleep(0.005)

    thread = threading.Thread(target=beat)
    thread.start()
    begun = time.monotonic()
    train({**MLP, "train": {"steps": 3000}}, tmp_path / "run")
    took = time.monotonic() - begun
    done.set()
    thread.join()
    longest = max(b - a for a, b in zip(beats, beats[1:]))
    assert longest < max(0.5 * took, 0.05), (longest, took)


def test_a_hundred_runs_leak_nothing(tmp_path):
    resource = pytest.importorskip("resource")
    peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    short = {**MLP, "train": {"steps": 3}}
    run = lambda: train(short, tmp_path / "run", overwrite=True, threads=1, report=False)
    [run() for _ in range(20)]
    before = peak()
    for _ in range(100):
        run().steps
    # The digits alone are some 4 MB a run.
    assert peak() - before < 20_000, f"{peak() - before} kB"


def test_a_notice_is_a_warning(tmp_path):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        train({**MLP, "train": {"steps": 2, "batch_size": 1_000_000}}, tmp_path / "run")
    assert any("batch" in str(warning.message) for warning in said)


def test_progress_is_told_step_by_step(tmp_path):
    told = []
    initlab.train(copy.deepcopy(MLP), out=tmp_path / "run", progress=lambda *news: told.append(news))
    assert told[0] == ("begin", 30, 0)
    assert [news[1] for news in told if news[0] == "done"][-1] == 30
    assert sum(news[0] == "line" for news in told) == 3
