"""What initlab knows of PyTorch's modules: which parameters are for what, and which functions are activations."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Callable, Iterator, Optional

from initlab._errors import UsageError

if TYPE_CHECKING:
    import torch


def convolutions() -> tuple[Any, ...]:
    """The classes of convolutions, transposed ones among them."""
    from torch.nn.modules.conv import _ConvNd

    return (_ConvNd,)


def is_norm(module: "torch.nn.Module") -> bool:
    """True for layers that normalise, whose weights are scales around 1."""
    from torch import nn
    from torch.nn.modules.batchnorm import _NormBase

    named = tuple(getattr(nn, name) for name in ("GroupNorm", "LayerNorm", "LocalResponseNorm", "RMSNorm") if hasattr(nn, name))
    return isinstance(module, (_NormBase, *named)) or type(module).__name__.endswith("Norm")


def is_layer(module: "torch.nn.Module") -> bool:
    """True for linear layers and convolutions, whose outputs are pre-activations."""
    from torch import nn

    return isinstance(module, (nn.Linear, nn.Bilinear, *convolutions()))


def unit_dimension(module: "torch.nn.Module", rank: int) -> int:
    """The dimension of a layer's units in what it gives: channels of a convolution, else the last one."""
    if isinstance(module, convolutions()):
        return rank - 1 - len(module.kernel_size)
    return rank - 1


class Parameter:
    """A parameter with its purpose: ``weight``, ``transposed``, ``bias``, ``table`` or ``other``."""

    def __init__(self, name: str, tensor: "torch.nn.Parameter", owner: "torch.nn.Module", short: str) -> None:
        from torch import nn

        self.name, self.tensor, self.owner = name, tensor, owner
        self.groups = 1
        self.bound: Optional[float] = None
        self.purpose = "other"
        weight = getattr(owner, "weight", None)
        if isinstance(owner, nn.RNNBase):
            self.purpose = "weight" if tensor.dim() > 1 else "bias"
            self.bound = 1 / math.sqrt(owner.hidden_size)
        elif isinstance(owner, (nn.Embedding, nn.EmbeddingBag)):
            self.purpose = "table"
        elif isinstance(owner, nn.MultiheadAttention):
            self.purpose = "bias" if tensor.dim() == 1 else "weight" if tensor.dim() == 2 else "other"
            self.bound = 0.0 if self.purpose == "bias" else None
        elif is_layer(owner) and short in ("weight", "bias") and weight is not None:
            transposed = bool(getattr(owner, "transposed", False))
            products = weight[0].numel() if weight.dim() > 1 else 0
            if isinstance(owner, nn.Bilinear):
                products = owner.in1_features
            uniform = 1 / math.sqrt(products) if products else None
            if short == "bias":
                self.purpose, self.bound = "bias", uniform
            else:
                self.purpose = "transposed" if transposed else "weight"
                self.bound = uniform if transposed or isinstance(owner, nn.Bilinear) else None
                self.groups = int(getattr(owner, "groups", 1))

    def values(self) -> bytes:
        """The present values, as numbers of 32 or 64 bits."""
        import torch

        dtype = torch.float64 if self.is_wide else torch.float32
        values: bytes = self.tensor.detach().to("cpu", dtype).contiguous().numpy().tobytes()
        return values

    @property
    def is_wide(self) -> bool:
        import torch

        return bool(self.tensor.dtype == torch.float64)


def parameters(module: Any) -> list[Parameter]:
    """The parameters of a module that hold real numbers, each once, by the names of its ``state_dict``."""
    torch = needed(module)
    found: list[Parameter] = []
    seen: set[int] = set()
    for prefix, owner in module.named_modules():
        for short, tensor in owner.named_parameters(recurse=False):
            name = f"{prefix}.{short}" if prefix else short
            if id(tensor) in seen:
                continue
            seen.add(id(tensor))
            if isinstance(tensor, torch.nn.parameter.UninitializedParameter):
                raise UsageError(f"{name}: has no shape yet; send a batch through the module first")
            if tensor.is_meta:
                raise UsageError(f"{name}: lies on the meta device and holds no numbers; move the module with to_empty first")
            if tensor.is_floating_point() and tensor.numel() > 0:
                found.append(Parameter(name, tensor, owner, short))
    if not found:
        raise UsageError(f"{type(module).__name__}: has no parameters; expected a module with layers")
    return found


def needed(module: Any) -> Any:
    """PyTorch, and that ``module`` is one of its modules."""
    try:
        import torch
    except ImportError:
        raise UsageError("this needs PyTorch, which is not installed: pip install torch") from None
    if not isinstance(module, torch.nn.Module):
        raise UsageError(f"module: found {type(module).__name__}; expected a torch.nn.Module")
    return torch


Spec = Callable[..., Optional[str]]


def activations() -> dict[Any, Spec]:
    """PyTorch's functions that are activations of ours, and how each is written for the arguments of a call."""
    import torch
    import torch.nn.functional as F

    def plain(text: str) -> Spec:
        return lambda *_, **__: text

    def leaky(x: Any, negative_slope: float = 0.01, inplace: bool = False) -> str:
        return f"leaky_relu:leak={float(negative_slope)!r}"

    def elu(x: Any, alpha: float = 1.0, *_: Any, **__: Any) -> str:
        return f"elu:alpha={float(alpha)!r}"

    def gelu(x: Any, *, approximate: str = "none") -> str:
        return "gelu" if approximate == "none" else "gelu_tanh"

    def softplus(x: Any, beta: float = 1.0, threshold: float = 20.0) -> Optional[str]:
        return "softplus" if beta == 1 else None

    def hardtanh(x: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Optional[str]:
        return f"general_relu:leak=0.0,shift=0.0,max={float(max_val)!r}" if min_val == 0 else None

    specs: dict[str, Spec] = {
        "relu": plain("relu"),
        "relu6": plain("general_relu:leak=0.0,shift=0.0,max=6.0"),
        "leaky_relu": leaky,
        "elu": elu,
        "selu": plain("selu"),
        "gelu": gelu,
        "silu": plain("silu"),
        "mish": plain("mish"),
        "tanh": plain("tanh"),
        "sigmoid": plain("sigmoid"),
        "softplus": softplus,
        "softsign": plain("softsign"),
        "hardtanh": hardtanh,
    }
    found: dict[Any, Spec] = {}
    for name, spec in specs.items():
        for place in (F, torch, torch.Tensor, torch._C._nn):
            for spelled in (name, f"{name}_"):
                function = getattr(place, spelled, None)
                if function is not None:
                    found[function] = spec
    return found


def layers(module: Any) -> Iterator[tuple[str, Any]]:
    """The module's linear layers and convolutions by their names; a module that is one itself by its class."""
    for name, part in module.named_modules():
        if is_layer(part):
            yield name or type(part).__name__.lower(), part
