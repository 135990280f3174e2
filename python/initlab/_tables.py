"""Tables as pandas has them, or as dicts of arrays where there is no pandas."""

from __future__ import annotations

from typing import Any

Table = Any
"""A ``pandas.DataFrame``, or a dict of NumPy arrays (lists, of texts) by column."""


def frame(columns: dict[str, Any]) -> Table:
    """The columns as a DataFrame, if pandas is there."""
    try:
        import pandas
    except ImportError:
        return columns
    return pandas.DataFrame(columns)


def by_column(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Columns from rows that have the same keys."""
    import numpy as np

    names = list(rows[0]) if rows else []
    columns: dict[str, Any] = {}
    for name in names:
        values = [row[name] for row in rows]
        if all(isinstance(value, (int, float)) and not isinstance(value, bool) or value is None for value in values):
            columns[name] = np.array([float("nan") if value is None else value for value in values])
        else:
            columns[name] = values
    return columns
