"""Layer-sequential unit variance for a PyTorch module (Mishkin & Matas 2016, algorithm 1)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from initlab import _initlab
from initlab._errors import UsageError
from initlab._modules import layers
from initlab._tables import Table, frame
from initlab._watch import Watch

if TYPE_CHECKING:
    import torch


def lsuv_(
    module: "torch.nn.Module",
    *batch: "torch.Tensor",
    of: str = "pre_activation",
    centred: bool = False,
    tolerance: float = 1e-3,
    max_iterations: int = 20,
) -> Table:
    """Rescales the weights of a module, layer by layer in the order of execution, until what a batch shows of each has standard
    deviation 1. Start the module orthogonally first, as the paper does.

    ``of`` is ``pre_activation`` or ``activation``; ``centred`` lets each bias take the pre-activation's mean off as well. Running
    estimates of norms stay as they are. Gives a table: each layer's deviation before and after, and its mean.

    >>> import initlab
    >>> import torch
    >>> model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    >>> _ = initlab.init_(model, preset="orthogonal")
    >>> done = initlab.lsuv_(model, torch.arange(40.0).sin().reshape(10, 4))
    >>> bool(all(abs(std - 1) < 1e-3 for std in done["std_after"]))
    True
    """
    if of not in ("pre_activation", "activation"):
        raise UsageError(f"of = {of!r}: expected 'pre_activation' or 'activation'")
    if centred and of == "activation":
        raise UsageError("centred: a bias in front of the activation would change its deviation again; take of='pre_activation'")
    if not batch:
        raise UsageError("batch: nothing was given; expected what the module is called with")
    side = "pre" if of == "pre_activation" else "act"
    rows: dict[str, list[Any]] = {"layer": [], "std_before": [], "std_after": [], "mean_after": []}
    with Watch(module) as watch:
        torch = watch._torch
        buffers = {name: buffer.clone() for name, buffer in module.named_buffers()}
        try:
            by_name = dict(layers(module))
            order = [name for name, _ in watch.look(*batch)]
            for name in order:
                layer = by_name[name]

                def measure(name: str = name) -> tuple[float, float]:
                    numbers = dict(watch.look(*batch, only=name))[name]
                    mean, std = numbers[f"{side}_mean"], numbers[f"{side}_std"]
                    return (math.nan if mean is None else mean, math.nan if std is None else std)

                def divide(std: float, layer: Any = layer) -> None:
                    with torch.no_grad():
                        layer.weight.div_(std)

                before = measure()[1]
                images = len(batch[0])
                mean = _initlab.lsuv_layer(name, images, float(tolerance), int(max_iterations), measure, divide)
                if centred and layer.bias is not None:
                    with torch.no_grad():
                        layer.bias.sub_(mean)
                mean, std = measure()
                for key, value in zip(rows, (name, before, std, mean)):
                    rows[key].append(value)
        finally:
            with torch.no_grad():
                for name, buffer in module.named_buffers():
                    buffer.copy_(buffers[name])
    return frame(dict(rows))
