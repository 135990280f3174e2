"""The engine, in Rust; `python/src` has it."""

from typing import Any, Callable, Optional, Sequence, Union
import os

import numpy as np
from numpy.typing import NDArray

__version__: str

_Path = Union[str, os.PathLike[str]]
_Show = Optional[Callable[..., None]]
_Memory = tuple[int, int, int, int]

def main(own: str, words: Sequence[str]) -> int: ...
def theory(
    activation: Any,
    variance_w: Optional[float] = None,
    variance_b: Optional[float] = None,
    depth: Optional[int] = None,
    width: Optional[int] = None,
) -> tuple[str, str]: ...
def sample(
    rule: Any, name: str, shape: Sequence[int], seed: int, activation: Any, fan_in: Optional[int] = None
) -> NDArray[np.float32]: ...
def train(
    config: Any,
    overrides: Optional[dict[str, Any]],
    seed: Optional[int],
    dataset: Optional[str],
    data: Optional[_Path],
    out: Optional[_Path],
    threads: Optional[int],
    resume: bool,
    overwrite: bool,
    write_report: bool,
    show: _Show,
) -> os.PathLike[str]: ...
def compare(
    study: Any,
    overrides: Optional[dict[str, Any]],
    dataset: Optional[str],
    data: Optional[_Path],
    out: Optional[_Path],
    threads: Optional[int],
    overwrite: bool,
    pairs: bool,
    write_report: bool,
    show: _Show,
) -> os.PathLike[str]: ...
def probe(
    config: Any,
    overrides: Optional[dict[str, Any]],
    seed: Optional[int],
    dataset: Optional[str],
    data: Optional[_Path],
    seeds: int,
    pairs: int,
    out: Optional[_Path],
    threads: Optional[int],
    show: _Show,
) -> str: ...
def probe_page(json: str) -> tuple[str, list[tuple[str, str]]]: ...
def lr_find(
    config: Any,
    overrides: Optional[dict[str, Any]],
    seed: Optional[int],
    dataset: Optional[str],
    data: Optional[_Path],
    low: float,
    high: float,
    steps: int,
    threads: Optional[int],
    show: _Show,
) -> tuple[NDArray[np.float64], NDArray[np.float64], str, Optional[tuple[float, float]]]: ...
def rate_chart(
    rates: Sequence[float], losses: Sequence[float], suggested: Optional[float], lowest: Optional[float]
) -> tuple[str, str]: ...
def kind(directory: _Path) -> str: ...
def table(path: _Path) -> dict[str, Any]: ...
def weights(path: _Path) -> dict[str, NDArray[np.float32]]: ...
def epoch_order(seed: int, epoch: int, images: int) -> NDArray[np.int64]: ...
def page(directories: Sequence[_Path]) -> str: ...
def charts(directories: Sequence[_Path], words: Sequence[str]) -> list[tuple[str, str]]: ...
def start(
    settings: Optional[dict[str, Any]],
    seed: int,
    first: Optional[str],
    last: Optional[str],
    depth: Optional[int],
    activations: Sequence[tuple[str, Any]],
    rules: Sequence[tuple[str, Any]],
    parameters: Sequence[Any],
) -> tuple[dict[str, NDArray[Any]], list[tuple[Any, ...]], str, list[str]]: ...
def lsuv_layer(
    layer: str,
    images: int,
    tolerance: float,
    max_iterations: int,
    measure: Callable[[], tuple[float, float]],
    divide: Callable[[float], None],
) -> float: ...
def live_ends(activation: Any) -> tuple[float, float]: ...
def square_sum(address: int, count: int, other: Optional[int] = None) -> float: ...

class Recorder:
    def __init__(self, near_zero: float, gradient_near_zero: float, bins: int, range: Sequence[float]) -> None: ...
    def before(self, layer: str, memory: _Memory, ends: Optional[tuple[float, float]], higher: bool) -> None: ...
    def after(self, layer: str, memory: _Memory, varying: bool, with_histogram: bool) -> None: ...
    def gradient(self, layer: str, memory: _Memory) -> None: ...
    def taken(
        self,
        side: str,
        layer: str,
        units: int,
        taken: tuple[int, float, float, float, float, int],
        alive: Optional[Sequence[bool]],
    ) -> None: ...
    def weight(self, layer: str, weight: float, gradient: float) -> None: ...
    def moved(self, layer: str, update: float) -> None: ...
    def end(self, step: int) -> None: ...
    def look(self) -> list[tuple[str, dict[str, Optional[float]]]]: ...
    def forget(self) -> None: ...
    def columns(self) -> dict[str, Any]: ...
    def table(self) -> Optional[str]: ...
    def warnings(self) -> list[str]: ...
    def page(self, title: str) -> Optional[tuple[str, list[tuple[str, str]]]]: ...
    def write_csv(self, path: _Path) -> None: ...
    def write_tensorboard(self, directory: _Path) -> os.PathLike[str]: ...
