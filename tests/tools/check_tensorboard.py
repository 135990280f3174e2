#!/usr/bin/env python3
"""Reads a run's event file through TensorBoard's own reader and compares it with the run's records.

    check_tensorboard.py RUN_DIR

Every step's and evaluation's scalars, every layer's curves and histograms, the texts and the hyperparameters must agree.
Needs the Python packages tensorboard and safetensors.
"""

import csv
import json
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata
from tensorboard.util.tensor_util import make_ndarray

CURVES = ["act_mean", "act_std", "act_near_zero", "dead", "grad_std", "weight_norm", "weight_gradient_norm", "update_ratio", "pre_kurtosis"]
STEPS = {"loss": "train/loss", "accuracy": "train/accuracy", "lr": "train/learning_rate", "gradient_norm": "train/gradient_norm"}
EPOCHS = {
    "test_loss": "test/loss",
    "test_accuracy": "test/accuracy",
    "train_loss": "train/mean_loss",
    "train_accuracy": "train/mean_accuracy",
}


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def expected_scalars(run):
    """{tag: {step: value}} as the CSV files have them."""
    scalars = {}

    def add(tag, step, text):
        if text not in ("", "NaN"):
            scalars.setdefault(tag, {})[int(step)] = np.float32(text)

    for row in rows(run / "steps.csv"):
        for column, tag in STEPS.items():
            add(tag, row["step"], row[column])
    for row in rows(run / "epochs.csv"):
        for column, tag in EPOCHS.items():
            add(tag, row["step"], row[column])
    for row in rows(run / "layers.csv"):
        if row["phase"] == "train":
            for column in CURVES:
                add(f"{row['layer']}/{column}", row["step"], row[column])
    return scalars


def check_scalars(events, run):
    expected = expected_scalars(run)
    assert set(events.Tags()["scalars"]) == set(expected), set(events.Tags()["scalars"]) ^ set(expected)
    for tag, values in expected.items():
        found = {e.step: np.float32(e.value) for e in events.Scalars(tag) if not np.isnan(e.value)}
        assert found == values, f"{tag}: {len(found)} values found, {len(values)} expected"
    return sum(map(len, expected.values()))


def check_histograms(events, run):
    path = run / "histograms.safetensors"
    if not path.exists():
        assert not events.Tags()["histograms"]
        return 0
    tensors = load_file(path)
    edges, steps = tensors.pop("edges"), tensors.pop("step")
    spread = {(r["layer"], int(r["step"])): r for r in rows(run / "layers.csv") if r["phase"] == "train"}
    for layer, counts in tensors.items():
        # Values that are not all finite have no histogram there.
        finite = [bool(np.isfinite([float(spread[layer, int(s)][end]) for end in ("act_min", "act_max")]).all()) for s in steps]
        found = events.Histograms(f"{layer}/activations") if any(finite) else []
        assert [e.step for e in found] == list(steps[finite]), layer
        for event, row in zip(found, counts[finite]):
            value = event.histogram_value
            assert list(value.bucket) == list(row), f"{layer}, step {event.step}"
            np.testing.assert_allclose(value.bucket_limit[:-1], edges, atol=1e-12)
            assert value.num == row.sum() and sorted(value.bucket_limit) == list(value.bucket_limit)
            moments = spread[layer, event.step]
            assert np.float32(value.max) == np.float32(moments["act_max"])
            np.testing.assert_allclose(value.sum / value.num, float(moments["act_mean"]), rtol=1e-6, atol=1e-12)
    return sum(map(len, tensors.values()))


def check_texts(events, run):
    tensors = {tag: events.Tensors(tag)[0].tensor_proto for tag in ["config/text_summary", "config"] if tag in events.Tags()["tensors"]}
    text = make_ndarray(next(iter(tensors.values()))).item().decode()
    assert (run / "config.toml").read_text() in text
    start = events.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    hparams = metadata.parse_session_start_info_plugin_data(start).hparams
    assert "optimizer.lr" in hparams and "seed" not in hparams, list(hparams)
    end = events.summary_metadata["_hparams_/session_end_info"].plugin_data.content
    status = metadata.parse_session_end_info_plugin_data(end).status
    outcome = json.loads((run / "run.json").read_text())["outcome"]
    assert status == {"finished": 1, "diverged": 2, "interrupted": 0}[outcome], (status, outcome)
    return len(hparams)


def main():
    run = Path(sys.argv[1])
    unlimited = {"scalars": 0, "histograms": 0, "tensors": 0}
    events = EventAccumulator(str(run), size_guidance=unlimited)
    events.Reload()
    scalars, histograms, texts = (check(events, run) for check in (check_scalars, check_histograms, check_texts))
    print(f"{run}: {scalars} scalars, {histograms} histograms and {texts} hyperparameters agree with the records")


if __name__ == "__main__":
    main()
