"""Progress of long work: a bar by tqdm where it is there, in a terminal or a notebook, else lines on stderr."""

from __future__ import annotations

import sys
import warnings
from types import TracebackType
from typing import Any, Callable, Optional, Union

Show = Callable[..., None]
Wanted = Union[bool, Show]


class Progress:
    """Shows what the engine tells: ``begin`` (total, done), ``done`` (number, words), ``line`` (text)."""

    def __init__(self, unit: str) -> None:
        self._unit = unit
        self._bar: Any = None
        self._tqdm = _tqdm()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def __call__(self, what: str, *values: Any) -> None:
        if what == "begin":
            self._begin(*values)
        elif what == "done" and self._bar is not None:
            done, words = values
            self._bar.set_postfix_str(words, refresh=False)
            self._bar.update(done - self._bar.n)
        elif what == "line":
            self._line(*values)

    def _begin(self, total: int, done: int) -> None:
        self.close()
        if self._tqdm is not None:
            self._bar = self._tqdm(total=total, initial=done, unit=self._unit, leave=False)

    def _line(self, line: str) -> None:
        if self._bar is not None:
            self._bar.write(line, file=sys.stderr)
        else:
            print(line, file=sys.stderr, flush=True)


class Silence:
    """Shows nothing, or what is told to a function of the caller's."""

    def __init__(self, show: Optional[Show]) -> None:
        self._show = show

    def __enter__(self) -> Optional[Show]:
        return self._show

    def __exit__(self, *_: object) -> None:
        return None


def progress(wanted: Wanted, unit: str) -> Union[Progress, Silence]:
    """What shows progress: a bar, nothing, or the function that is given."""
    if wanted is True:
        return Progress(unit)
    return Silence(wanted if callable(wanted) else None)


def _tqdm() -> Any:
    try:
        with warnings.catch_warnings():
            # A notebook without widgets gets the bar of a terminal.
            warnings.simplefilter("ignore")
            from tqdm.auto import tqdm
    except ImportError:
        return None
    return tqdm
