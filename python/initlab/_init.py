"""Any start for a PyTorch module, by the names of its parameters."""

from __future__ import annotations

import html
import warnings
from typing import TYPE_CHECKING, Any, Mapping, Optional, Union

from initlab import _initlab
from initlab._modules import needed, parameters
from initlab._sample import Rule
from initlab._tables import Table, frame
from initlab._theory import Activation

if TYPE_CHECKING:
    import torch


class Started:
    """What was done to each parameter: shape, fan_in, rule, the standard deviation asked for and drawn. Printed it is a table."""

    def __init__(self, rows: list[tuple[Any, ...]], text: str, remarks: list[str]) -> None:
        self._rows, self._text = rows, text
        self.warnings = remarks
        """Rules without effect, values that are no numbers."""

    @property
    def table(self) -> Table:
        """A line for each parameter."""
        names = ("name", "shape", "fan_in", "rule", "std_wanted", "std_drawn")
        return frame({name: [row[i] for row in self._rows] for i, name in enumerate(names)})

    def __len__(self) -> int:
        return len(self._rows)

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return self._text

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self._text)}</pre>"


def init_(
    module: "torch.nn.Module",
    preset: Optional[str] = "kaiming",
    *,
    seed: int = 0,
    rules: Optional[Mapping[str, Union[Rule, Mapping[str, Rule]]]] = None,
    activation: Activation = "relu",
    activations: Optional[Mapping[str, Activation]] = None,
    weight: Optional[Rule] = None,
    bias: Optional[Rule] = None,
    aim: Optional[Rule] = None,
    depth: Optional[int] = None,
    first: Optional[str] = None,
    last: Optional[str] = None,
) -> Started:
    """Draws the parameters of a PyTorch module anew, in place: the numbers that initlab's own networks start from.

    Each is drawn from a stream of its own name, so that the same seed gives the same numbers whatever the order, the device or the
    type. Linear layers and convolutions start by ``preset`` (None: as PyTorch's own modules do), or by ``weight`` and ``bias``;
    embeddings from the standard normal distribution; norms and what is unknown stay as they are.

    ``rules`` maps patterns over names (full names, or globs such as ``head.*``) to rules: a rule's name, a preset's, ``keep``, a dict
    with the kind and parameters, or one with ``weight`` and ``bias``; the last that covers a parameter wins. ``last`` covers the output
    layer, behind which no activation scales the gain; ``first``, ``last`` and ``depth`` are needed by an ``aim``.

    >>> import initlab
    >>> import torch
    >>> model = torch.nn.Sequential(torch.nn.Linear(784, 50), torch.nn.ReLU(), torch.nn.Linear(50, 10))
    >>> print(initlab.init_(model, preset="kaiming", seed=0, last="2.*", rules={"2.weight": "zeros"}))
    parameter  shape   fan_in  rule            std wanted    drawn
    0.bias     50         784  zeros                    0        0
    0.weight   50×784     784  kaiming_normal     0.05051  0.05056
    2.bias     10          50  zeros                    0        0
    2.weight   10×50       50  zeros                    0        0
    <BLANKLINE>
    """
    torch = needed(module)
    found = parameters(module)
    init: dict[str, Any] = {"preset": preset, "weight": weight, "bias": bias, "aim": aim}
    init = {key: value for key, value in init.items() if value is not None}
    settings = {"model": {"activation": activation}, "init": init} if init else None
    # Without an own rule an aim chooses all.
    if settings is not None and aim is not None:
        init.pop("preset", None)
    drawn, rows, text, remarks = _initlab.start(
        settings,
        int(seed),
        first,
        last,
        depth,
        list((activations or {}).items()),
        list((rules or {}).items()),
        [_told(parameter) for parameter in found],
    )
    by_name = {parameter.name: parameter for parameter in found}
    with torch.no_grad():
        for name, values in drawn.items():
            parameter = by_name[name]
            parameter.tensor.copy_(torch.from_numpy(values).to(parameter.tensor.dtype))
            padding = getattr(parameter.owner, "padding_idx", None)
            if padding is not None:
                # PyTorch's embeddings keep this row at zero.
                parameter.tensor[padding].zero_()
    for remark in remarks:
        warnings.warn(remark, stacklevel=2)
    return Started(rows, text, remarks)


class _Told:
    """A parameter as the engine reads it."""

    def __init__(self, parameter: Any) -> None:
        self.name = parameter.name
        self.shape = list(parameter.tensor.shape)
        self.purpose = parameter.purpose
        self.groups = parameter.groups
        self.bound = parameter.bound
        self.is_wide = parameter.is_wide
        self.values = parameter.values()


def _told(parameter: Any) -> _Told:
    return _Told(parameter)
