"""Which start trains sooner? One network from three starts, then a study over seeds that says how sure the answer is."""

import tempfile
from pathlib import Path

import initlab

NET = {
    "data": {"dataset": "digits"},
    "model": {"kind": "mlp", "width": 50, "depth": 6, "activation": "relu"},
    "optimizer": {"kind": "sgd", "lr": 0.1},
    "train": {"epochs": 1},
}

with tempfile.TemporaryDirectory() as directory:
    place = Path(directory)
    for preset in ("kaiming", "xavier", "torch"):
        run = initlab.train(NET, init=preset, out=place / preset, progress=False)
        assert run.summary is not None
        print(f"{preset}: test accuracy {run.summary['test_accuracy']:.3f}")
    study = initlab.compare(
        {
            "base": NET,
            "arms": [{"name": name, "set": {"init": {"preset": name}}} for name in ("torch", "kaiming")],
            "seeds": 2,
            "targets": [{"train_loss": 1.5}],
        },
        out=place / "study",
        progress=False,
    )
    for sentence in study.verdicts:
        print(sentence)
    run.report(place / "report.html")
