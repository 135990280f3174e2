"""Records of runs, studies and probes, as the command keeps them: finished, or as far as they go."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional, Union

from initlab import _initlab
from initlab._charts import Charts, framed
from initlab._errors import RecordError
from initlab._tables import Table, by_column, frame

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PathLike = Union[str, "os.PathLike[str]"]


class _Directory:
    """Something with records in a directory."""

    def __init__(self, directory: PathLike) -> None:
        self.directory = Path(directory)

    def plot(self, *words: str) -> Charts:
        """The report's charts; with words only those whose titles have one of them, such as ``"loss"`` or ``"std"``."""
        return Charts(_initlab.charts([self.directory], list(words)))

    def report(self, path: Optional[PathLike] = None) -> str:
        """The report as one HTML page that needs nothing else; written to ``path`` if that is given."""
        page: str = _initlab.page([self.directory])
        if path is not None:
            Path(path).write_text(page, encoding="utf-8")
        return page

    def _repr_html_(self) -> Optional[str]:
        return framed(self.report())

    def _table(self, name: str) -> Table:
        return frame(_initlab.table(self.directory / name))

    def _object(self, name: str) -> Optional[dict[str, Any]]:
        path = self.directory / name
        if not path.is_file():
            return None
        try:
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise RecordError(f"{path}: is damaged: {error}; the call that made it makes it again") from None
        return found


class Run(_Directory):
    """One training run. Parameters have the names of a ``torch.nn.Sequential``.

    >>> import initlab, tempfile
    >>> mlp = {"model": {"kind": "mlp", "widths": [20]}, "data": {"dataset": "digits"}, "train": {"steps": 5}}
    >>> with tempfile.TemporaryDirectory() as place:
    ...     run = initlab.train(mlp, lr=0.1, out=place + "/run", progress=False)
    ...     print(run.outcome, run.summary["steps"], len(run.steps["loss"]), sorted(run.weights))
    finished 5 5 ['1.bias', '1.weight', '3.bias', '3.weight']
    """

    @property
    def summary(self) -> Optional[dict[str, Any]]:
        """What came out of it: ``run.json``; None as long as it has not ended."""
        return self._object("run.json")

    @property
    def outcome(self) -> str:
        """``finished``, ``diverged``, ``interrupted``, or ``unfinished`` where there is no summary yet."""
        summary = self.summary
        return "unfinished" if summary is None else str(summary["outcome"])

    @property
    def config(self) -> str:
        """The config, whole, as TOML."""
        return (self.directory / "config.toml").read_text(encoding="utf-8")

    @property
    def steps(self) -> Table:
        """Loss, accuracy and learning rate of every step."""
        return self._table("steps.csv")

    @property
    def epochs(self) -> Table:
        """Losses and accuracy of every evaluation."""
        return self._table("epochs.csv")

    @property
    def layers(self) -> Table:
        """Every layer's statistics, in recorded steps (``phase`` is ``train``) and evaluations (``test``)."""
        return self._table("layers.csv")

    @property
    def weights(self) -> dict[str, "NDArray[np.float32]"]:
        """The parameters at the end, by PyTorch's names and in its layouts."""
        return self._weights("model.safetensors", "record.weights")

    @property
    def start(self) -> dict[str, "NDArray[np.float32]"]:
        """The parameters before the first step."""
        return self._weights("init.safetensors", "record.weights")

    @property
    def verdicts(self) -> list[str]:
        """What the records show, a sentence each."""
        summary = self.summary or {}
        return [finding["text"] for finding in summary.get("findings", [])]

    def _weights(self, name: str, key: str) -> dict[str, "NDArray[np.float32]"]:
        path = self.directory / name
        if not path.is_file():
            raise RecordError(f"{path}: is not there; the run has not ended, or was told to keep none ({key})")
        return _initlab.weights(path)

    def __repr__(self) -> str:
        return f"<initlab.Run in {self.directory}: {self.outcome}>"


class Study(_Directory):
    """A study of many runs, compared."""

    @property
    def summary(self) -> Optional[dict[str, Any]]:
        """What came out of it: ``study.json``; None as long as runs are missing."""
        return self._object("study.json")

    @property
    def runs(self) -> Table:
        """A line for each run; without a summary those whose records are there, with directory and outcome."""
        if self.summary is not None:
            return self._table("runs.csv")
        there = [Run(path) for path in sorted((self.directory / "runs").glob("*")) if (path / "config.toml").is_file()]
        return frame({"dir": [f"runs/{run.directory.name}" for run in there], "outcome": [run.outcome for run in there]})

    def run(self, directory: str) -> Run:
        """The run whose ``dir`` is this in the table of runs."""
        return Run(self.directory / directory)

    @property
    def comparison(self) -> Table:
        """A line for each comparison of an arm with the baseline."""
        self._whole()
        return self._table("comparison.csv")

    @property
    def verdicts(self) -> list[str]:
        """What the comparisons show, a sentence each."""
        summary = self.summary or {}
        return [finding["text"] for finding in summary.get("findings", [])]

    def _whole(self) -> None:
        if self.summary is None:
            raise RecordError(f"{self.directory}: runs of this study are missing; initlab.compare makes them")

    def _repr_html_(self) -> Optional[str]:
        return None if self.summary is None else framed(self.report())

    def __repr__(self) -> str:
        words = "runs are missing" if self.summary is None else f"{len(self.summary['runs'])} runs"
        return f"<initlab.Study in {self.directory}: {words}>"


class Probe:
    """A network before training, measured beside what theory predicts."""

    def __init__(self, text: str, directory: Optional[PathLike] = None) -> None:
        self._text = text
        self.directory = None if directory is None else Path(directory)
        self.summary: dict[str, Any] = json.loads(text)
        """The object of ``probe.json``."""

    @property
    def layers(self) -> Table:
        """A line for each layer: medians over the seeds, with the prediction and its band beside them."""
        rows = []
        for layer in self.summary["layers"]:
            row: dict[str, Any] = {}
            for name, value in layer.items():
                if isinstance(value, dict) and "median" in value:
                    row[name] = value["median"]
                    for part in ("predicted", "low", "high"):
                        row[f"{name}_{part}"] = value.get(part)
                elif not isinstance(value, (dict, list)):
                    row[name] = value
            rows.append(row)
        names: dict[str, None] = {}
        for row in rows:
            names.update(dict.fromkeys(row))
        return frame(by_column([{name: row.get(name) for name in names} for row in rows]))

    @property
    def verdicts(self) -> list[str]:
        """What the probe shows, a sentence each."""
        verdict = self.summary["verdict"]
        found: list[str] = []
        for value in verdict.values():
            if isinstance(value, list):
                found.extend(text for text in value if isinstance(text, str))
        return found

    def plot(self) -> Charts:
        """The report's charts."""
        return Charts(_initlab.probe_page(self._text)[1])

    def report(self, path: Optional[PathLike] = None) -> str:
        """The report as one HTML page; written to ``path`` if that is given."""
        page: str = _initlab.probe_page(self._text)[0]
        if path is not None:
            Path(path).write_text(page, encoding="utf-8")
        return page

    def _repr_html_(self) -> str:
        return framed(self.report())

    def __repr__(self) -> str:
        return f"<initlab.Probe of {self.summary['name']}: {len(self.summary['layers'])} layers>"


def read(directory: PathLike) -> Union[Run, Study, Probe]:
    """The records in a directory, finished or not: a run's, a study's or a probe's. A damaged file is told.

    >>> import initlab
    >>> initlab.read("/no/such/place")
    Traceback (most recent call last):
    initlab._errors.RecordError: /no/such/place: cannot be read: No such file or directory (os error 2); check the path
    """
    kind = _initlab.kind(directory)
    if kind == "study":
        return Study(directory)
    if kind == "probe":
        return Probe((Path(directory) / "probe.json").read_text(encoding="utf-8"), directory)
    return Run(directory)
