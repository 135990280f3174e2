"""Starting values of a single parameter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Optional, Sequence, Union

from initlab import _initlab
from initlab._theory import Activation

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Rule = Union[str, Mapping[str, Any]]
"""A rule by its name, or as a dict with its kind and parameters, as configs have it."""


def sample(
    rule: Rule,
    *,
    name: str,
    shape: Union[int, Sequence[int]],
    seed: int = 0,
    activation: Activation = "relu",
    fan_in: Optional[int] = None,
) -> "NDArray[np.float32]":
    """Draws the starting values of the parameter ``name``: the numbers that every other door of initlab draws.

    They follow from (seed, name), rule, shape and activation alone. The shape is PyTorch's, ``(out, in)`` or
    ``(out, in, height, width)``. A bias has one size; ``fan_in`` is that of its layer, for rules that depend on it.

    >>> import initlab
    >>> w = initlab.sample("kaiming_normal", name="fc1.weight", shape=(50, 784), seed=0, activation="relu")
    >>> w.shape, w.dtype
    ((50, 784), dtype('float32'))
    >>> again = initlab.sample({"kind": "kaiming_normal"}, name="fc1.weight", shape=(50, 784))
    >>> bool((w == again).all())
    True
    >>> initlab.sample("uniform_fan_in", name="fc1.bias", shape=3, fan_in=784).shape
    (3,)
    """
    sizes = [int(shape)] if isinstance(shape, int) else [int(size) for size in shape]
    return _initlab.sample(rule, name, sizes, int(seed), activation, fan_in)
