"""What theory says of an activation."""

from __future__ import annotations

import html
import json
from typing import Any, Iterator, Mapping, Optional, Union

from initlab import _initlab

Activation = Union[str, Mapping[str, Any]]


class Theory(Mapping[str, Any]):
    """The numbers of ``initlab theory``: attributes and items of the same names.

    What does not exist is ``None``, with the reason under ``NAME_reason``. Printed it is the command's table.
    """

    def __init__(self, table: str, values: dict[str, Any]) -> None:
        self._table = table
        self._values = values

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(f"theory says nothing called {name!r}; it has {', '.join(self._values)}") from None

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._values]

    def __str__(self) -> str:
        return self._table

    def __repr__(self) -> str:
        return f"<initlab.Theory of {self['activation']}, {len(self)} values>"

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self._table)}</pre>"


def theory(
    activation: Activation,
    *,
    variance_w: Optional[float] = None,
    variance_b: Optional[float] = None,
    depth: Optional[int] = None,
    width: Optional[int] = None,
) -> Theory:
    """Says what an activation does to signal and gradient at the start, before any network is built.

    ``variance_w`` is the weights' variance times fan_in, 2 in a Kaiming start; ``depth`` counts layers, ``width`` units.

    >>> import initlab
    >>> relu = initlab.theory("relu", variance_w=2.0, depth=10)
    >>> relu.chi
    1.0
    >>> round(initlab.theory("tanh").gain_rms, 4)
    1.5925
    """
    table, values = _initlab.theory(activation, variance_w, variance_b, depth, width)
    return Theory(table, json.loads(values))
