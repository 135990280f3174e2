"""What the engine does with a config: training, comparing, probing, looking for a learning rate."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Mapping, Optional, Union

from initlab import _initlab
from initlab._charts import Charts
from initlab._progress import Wanted, progress as shown
from initlab._records import PathLike, Probe, Run, Study

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Config = Union[str, "os.PathLike[str]", Mapping[str, Any]]
"""A path, the text of a config in TOML, or the same as nested dicts."""


def train(
    config: Config,
    *,
    seed: Optional[int] = None,
    dataset: Optional[str] = None,
    data: Optional[PathLike] = None,
    out: Optional[PathLike] = None,
    threads: Optional[int] = None,
    resume: bool = False,
    overwrite: bool = False,
    report: bool = True,
    progress: Wanted = True,
    **overrides: Any,
) -> Run:
    """Trains a network as ``config`` describes it, and records loss, accuracy and every layer.

    Further keywords change keys of the config: short names (``lr``, ``epochs``, ``steps``, ``init``, ``activation``, ``depth``), whole sections
    (``model={...}``), or paths with ``__`` between their parts (``optimizer__momentum=0.9``).

    The records go to ``out``, or to the first free ``runs/NAME-seedN``. Python's lock is released meanwhile. Ctrl-C ends the run after
    the step in progress, with its records whole, and raises ``KeyboardInterrupt``; ``resume=True`` goes on.

    >>> import initlab, tempfile
    >>> config = '''
    ... model = { kind = "mlp", widths = [30] }
    ... data = { dataset = "digits" }
    ... train = { epochs = 1 }
    ... '''
    >>> with tempfile.TemporaryDirectory() as place:
    ...     run = initlab.train(config, lr=0.1, init="xavier", out=place + "/run", progress=False)
    ...     run.summary["test_accuracy"] > 0.5, len(run.plot("loss")) > 0
    (True, True)
    """
    with shown(progress, "step") as show:
        directory = _initlab.train(
            config, overrides, seed, dataset, data, out, threads, resume, overwrite, report, show
        )
    return Run(directory)


def compare(
    study: Config,
    *,
    dataset: Optional[str] = None,
    data: Optional[PathLike] = None,
    out: Optional[PathLike] = None,
    threads: Optional[int] = None,
    overwrite: bool = False,
    pairs: bool = False,
    report: bool = True,
    progress: Wanted = True,
    **overrides: Any,
) -> Study:
    """Trains every arm of a study over its seeds and says which converges sooner.

    Called again, it goes on where it was. ``overrides`` change keys of the study, as ``seeds=3`` or ``set__train__epochs=1``.

    >>> import initlab, tempfile
    >>> study = {
    ...     "base": {"model": {"kind": "mlp", "widths": [16]}, "data": {"dataset": "digits"},
    ...              "train": {"steps": 20}, "optimizer": {"lr": 0.1}},
    ...     "arms": [{"name": name, "set": {"init": {"preset": name}}} for name in ("xavier", "kaiming")],
    ...     "seeds": 2, "targets": [{"train_loss": 2.0}],
    ... }
    >>> with tempfile.TemporaryDirectory() as place:
    ...     found = initlab.compare(study, out=place + "/study", progress=False)
    ...     len(found.runs["seed"]), list(found.comparison["arm"])
    (4, ['kaiming'])
    """
    with shown(progress, "run") as show:
        directory = _initlab.compare(
            study, overrides, dataset, data, out, threads, overwrite, pairs, report, show
        )
    return Study(directory)


def probe(
    config: Config,
    *,
    seed: Optional[int] = None,
    dataset: Optional[str] = None,
    data: Optional[PathLike] = None,
    seeds: int = 5,
    pairs: int = 64,
    out: Optional[PathLike] = None,
    threads: Optional[int] = None,
    progress: Wanted = True,
    **overrides: Any,
) -> Probe:
    """Measures a config's network before training, over several seeds, beside what theory predicts.

    With ``out`` the numbers and a report are written into that directory.

    >>> import initlab
    >>> config = {"model": {"kind": "mlp", "widths": [50, 50]}, "data": {"dataset": "digits"}}
    >>> found = initlab.probe(config, seeds=2, lr=0.1, epochs=1, progress=False)
    >>> list(found.layers["name"])
    ['linear1', 'linear2', 'linear3']
    """
    with shown(progress, "seed") as show:
        text = _initlab.probe(config, overrides, seed, dataset, data, seeds, pairs, out, threads, show)
    return Probe(text, out)


class RateTest:
    """A learning rate range test: the smoothed loss as the rate grows, and what it suggests."""

    def __init__(
        self,
        rates: "NDArray[np.float64]",
        losses: "NDArray[np.float64]",
        finding: str,
        suggestion: Optional[tuple[float, float]],
    ) -> None:
        self.rates = rates
        self.losses = losses
        self.finding = finding
        """``valley``, ``blind`` (it falls no further than a net that answers alike), ``still_falling``, ``flat``, ``rises``,
        ``not_finite``."""
        self.suggestion = None if suggestion is None else suggestion[0]
        """A good rate to train with; None where the test has none to offer."""
        self.lowest = None if suggestion is None else suggestion[1]
        """The rate of the lowest loss, beyond which training suffers."""

    def plot(self) -> Charts:
        """The curve."""
        chart = _initlab.rate_chart(self.rates.tolist(), self.losses.tolist(), self.suggestion, self.lowest)
        return Charts([chart])

    def _repr_html_(self) -> str:
        return self.plot()._repr_html_()

    def __repr__(self) -> str:
        words = "no suggestion" if self.suggestion is None else f"{self.suggestion:.2e}"
        return f"<initlab.RateTest, {self.finding}: {words}>"


def lr_find(
    config: Config,
    *,
    seed: Optional[int] = None,
    dataset: Optional[str] = None,
    data: Optional[PathLike] = None,
    low: float = 1e-4,
    high: float = 10.0,
    steps: int = 300,
    threads: Optional[int] = None,
    progress: Wanted = True,
    **overrides: Any,
) -> RateTest:
    """Looks for a learning rate: short runs whose rate grows step by step, and what their losses say.

    >>> import initlab
    >>> config = {"model": {"kind": "mlp", "widths": [30]}, "data": {"dataset": "digits"}}
    >>> found = initlab.lr_find(config, steps=100, lr=0.1, epochs=1, progress=False)
    >>> found.finding in ("valley", "blind", "still_falling"), len(found.rates) == len(found.losses)
    (True, True)
    """
    with shown(progress, "sweep") as show:
        found = _initlab.lr_find(config, overrides, seed, dataset, data, low, high, steps, threads, show)
    return RateTest(*found)
