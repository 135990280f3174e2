"""Makes docs/depth.csv of the study that calibrates the trainable depth: a line for each start and depth.

usage:
  initlab compare configs/calibration/depth.toml --dataset mnist --out depth
  initlab probe configs/calibration/depth.toml --dataset mnist --seeds 3 --pairs 24 --json > depth.json
  python tests/tools/depth_csv.py depth depth.json > docs/depth.csv

Accuracies are those of the study's seeds at the best rate, on the test images. Of a cell whose runs of that kind are not there
the best run of the search for a rate stands instead, on the images kept back for it ("validation").
"""
import csv
import json
import pathlib
import sys
import tomllib

CHANCE = 0.1


def run(directory):
    config = tomllib.loads((directory / "config.toml").read_text())
    record = json.loads((directory / "run.json").read_text())
    # A run that diverged has not learnt.
    accuracy = record["test_accuracy"] if record["outcome"] == "finished" else CHANCE
    cell = (config["name"], len(config["model"]["widths"]))
    return cell, record["split"], config["optimizer"]["lr"], config["seed"], accuracy


def outcome(runs):
    """Of one cell: what it was judged on, the rate, and an accuracy for each seed."""
    final = sorted((seed, rate, accuracy) for split, rate, seed, accuracy in runs if split == "usual")
    if len(final) >= 3:
        return "test", final[0][1], [accuracy for _, _, accuracy in final]
    accuracy, rate = max((accuracy, -rate) for split, rate, _, accuracy in runs if split == "validation")
    return "validation", -rate, [accuracy]


def factor(values):
    """From the first value to the last, in the order of travel; nothing is left where there is none."""
    return values[-1] / values[0] if values[0] and values[-1] else 0.0


def measured(report):
    layers = [layer for layer in report["layers"] if layer["activation"] != "identity"]
    signal = [layer["z_second_moment"]["median"] for layer in layers]
    gradient = [layer["gradient_variance"]["median"] for layer in layers][::-1]
    return f"{factor(signal):.3e}", f"{factor(gradient):.3e}", f"{layers[-1]['correlation_different']['median']:.4f}"


def main(study, probe):
    probed = {report["name"]: report for report in json.loads(pathlib.Path(probe).read_text())}
    cells = {}
    for record in sorted(pathlib.Path(study, "runs").glob("*/run.json")):
        cell, *rest = run(record.parent)
        cells.setdefault(cell, []).append(rest)
    starts = list(dict.fromkeys(name.split(" ", 1)[1] for name in probed))
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow("start depth learning_rate images accuracies forwards backwards correlation".split())
    for start, depth in sorted(cells, key=lambda cell: (starts.index(cell[0]), cell[1])):
        report = probed.get(f"{depth} {start}")
        if report:
            images, rate, accuracies = outcome(cells[start, depth])
            text = " ".join(f"{accuracy:.4f}" for accuracy in accuracies)
            out.writerow([start, depth, rate, images, text, *measured(report)])


if __name__ == "__main__":
    main(*sys.argv[1:])
