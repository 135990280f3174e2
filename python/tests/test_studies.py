"""Studies, probes and rate tests from Python, and records read back."""

from __future__ import annotations

import json
import threading

import numpy as np
import pytest
from conftest import MLP, STUDY, command, interrupting

import initlab


def compare(out, study=STUDY, **more):
    return initlab.compare(study, out=out, progress=False, **more)


def test_a_study_has_the_commands_tables(tmp_path):
    found = compare(tmp_path / "study")
    assert len(found.runs["seed"]) == 4 and list(found.comparison["arm"]) == ["kaiming"]
    assert found.verdicts == [finding["text"] for finding in found.summary["findings"]]
    assert found.run(found.runs["dir"][0]).outcome == "finished"
    done = command("compare", tmp_path / "study.toml", "--out", tmp_path / "study", "--report-only")
    assert done.returncode == 2, "there is no such file"
    assert found._repr_html_().startswith("<iframe") and found.plot()


def test_called_again_it_goes_on_where_it_was(tmp_path):
    compare(tmp_path / "study", seeds=1)
    told = []
    initlab.compare(STUDY, out=tmp_path / "study", progress=lambda *news: told.append(news))
    assert told[0] == ("begin", 4, 2)


def test_interrupted_its_runs_are_whole(tmp_path):
    long = {**STUDY, "base": {**MLP, "train": {"steps": 10_000_000}}}
    with pytest.raises(KeyboardInterrupt):
        initlab.compare(long, out=tmp_path / "study", progress=interrupting())
    study = initlab.read(tmp_path / "study")
    assert study.summary is None and set(study.runs["outcome"]) <= {"interrupted", "finished"}
    with pytest.raises(initlab.RecordError, match="missing"):
        study.comparison


def test_another_study_in_the_directory_is_named(tmp_path):
    compare(tmp_path / "study")
    with pytest.raises(initlab.RecordError, match="another study"):
        compare(tmp_path / "study", {**STUDY, "arms": STUDY["arms"][:1]})
    with pytest.raises(initlab.UsageError, match="config of one run"):
        compare(tmp_path / "other", MLP)


def test_a_probe_measures_what_the_command_measures(tmp_path):
    found = initlab.probe(MLP, seeds=2, out=tmp_path / "probe", progress=False)
    assert list(found.layers["name"]) == ["linear1", "linear2"]
    assert np.isfinite(np.asarray(found.layers["z_second_moment_predicted"], dtype=float)).all()
    read = initlab.read(tmp_path / "probe")
    assert read.summary["layers"] == found.summary["layers"] and read.plot()
    config = tmp_path / "net.toml"
    config.write_text('model = { kind = "mlp", widths = [20] }\ndata.dataset = "digits"\noptimizer.lr = 0.1\ntrain.steps = 5\n')
    done = command("probe", config, "--seeds", "2", "--json")
    assert json.loads(done.stdout)["layers"] == json.loads(json.dumps(found.summary["layers"]))


def test_a_probe_can_be_interrupted():
    with pytest.raises(KeyboardInterrupt):
        initlab.probe(MLP, seeds=10_000, progress=interrupting())


def test_a_rate_test_suggests_and_draws():
    found = initlab.lr_find(MLP, steps=150, progress=False)
    assert found.finding in ("valley", "blind", "still_falling") and len(found.rates) == len(found.losses)
    assert "<svg" in found._repr_html_()
    with pytest.raises(initlab.UsageError, match="low"):
        initlab.lr_find(MLP, low=1.0, high=0.1)


@pytest.mark.parametrize("call", [dict(seeds=0), dict(pairs=0)])
def test_a_probe_of_nothing_is_refused(call):
    with pytest.raises(initlab.UsageError, match=next(iter(call))):
        initlab.probe(MLP, progress=False, **call)


def test_damaged_records_are_told(tmp_path):
    run = initlab.train(MLP, out=tmp_path / "run", progress=False)
    (run.directory / "steps.csv").write_text("step,loss\n1,2\n")
    with pytest.raises(initlab.RecordError, match="steps.csv"):
        initlab.read(run.directory)


def test_a_directory_without_records_is_told(tmp_path):
    with pytest.raises(initlab.RecordError, match="holds no run"):
        initlab.read(tmp_path)


def test_a_run_at_work_is_read_as_far_as_it_goes(tmp_path):
    told = threading.Event()
    tables = []

    def show(what, *values):
        if what == "line" and not told.is_set():
            told.set()
            run = initlab.read(tmp_path / "run")
            tables.append((run.outcome, len(run.steps["step"])))

    initlab.train({**MLP, "train": {"steps": 200, "evaluate_every": 50}}, out=tmp_path / "run", progress=show)
    assert tables and tables[0][0] == "unfinished"


@pytest.mark.parametrize("begun", [None, "", "step,epo"], ids=["not there", "empty", "half a header"])
@pytest.mark.parametrize("table", ["steps", "epochs", "layers"])
def test_a_run_that_has_no_line_yet_has_the_columns(tmp_path, table, begun):
    whole = initlab.train({**MLP, "train": {"steps": 2}}, out=tmp_path / "run", progress=False)
    columns = list(getattr(whole, table))
    (tmp_path / "run" / "run.json").unlink()
    (tmp_path / "run" / f"{table}.csv").unlink()
    if begun is not None:
        (tmp_path / "run" / f"{table}.csv").write_text(begun)
    rows = getattr(initlab.read(tmp_path / "run"), table)
    assert list(rows) == columns and len(rows["step"]) == 0


def test_an_ended_run_that_lost_a_table_says_so(tmp_path):
    initlab.train({**MLP, "train": {"steps": 2}}, out=tmp_path / "run", progress=False)
    (tmp_path / "run" / "steps.csv").unlink()
    with pytest.raises(initlab.RecordError, match="steps.csv"):
        initlab.read(tmp_path / "run").steps
