"""Golden values of sharpness and gradient noise, by torch.func: writes curvature.json beside this file.

Run it with any PyTorch of version 2 or later: python make_curvature.py
"""

import json
import math
from pathlib import Path

import torch
from torch import nn
from torch.func import functional_call, grad, hessian, vmap

torch.set_default_dtype(torch.float64)
ROWS = 20

CASES = {
    "tanh": ((6,), 4, lambda: [nn.Linear(6, 9), nn.Tanh(), nn.Linear(9, 7), nn.Tanh(), nn.Linear(7, 4)]),
    "gelu": ((5,), 3, lambda: [nn.Linear(5, 8), nn.GELU(), nn.Linear(8, 3)]),
    "relu": ((6,), 4, lambda: [nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 4)]),
    "layer_norm": ((6,), 4, lambda: [nn.Linear(6, 9), nn.LayerNorm(9, eps=1e-3), nn.Tanh(), nn.Linear(9, 4)]),
    "conv": (
        (1, 6, 6),
        4,
        lambda: [nn.Conv2d(1, 3, 3), nn.Tanh(), nn.Conv2d(3, 4, 3, stride=2), nn.SiLU(), nn.Flatten(), nn.Linear(4, 4)],
    ),
}


def rounded(values, shape):
    """Values that a 32-bit float holds exactly."""
    return torch.tensor(values).to(torch.float32).to(torch.float64).reshape(shape)


def start(net):
    """Entry k of parameter j: 1.5 sin(1.7 k + j)/sqrt(fan_in) of a weight, 0.1 cos(k + j) of a bias, 1 + that of a norm's weight."""
    params = {}
    for j, (name, param) in enumerate(net.named_parameters()):
        k = range(param.numel())
        small = [0.1 * math.cos(i + j) for i in k]
        if param.dim() > 1:
            size = 1.5 / math.sqrt(param[0].numel())
            values = [size * math.sin(1.7 * i + j) for i in k]
        elif isinstance(net[int(name.split(".")[0])], nn.LayerNorm) and name.endswith("weight"):
            values = [1 + x for x in small]
        else:
            values = small
        params[name] = rounded(values, param.shape)
    return params


def main():
    found = {}
    for name, (shape, classes, layers) in CASES.items():
        net = nn.Sequential(*layers())
        params = start(net)
        size = math.prod(shape)
        samples = rounded([math.sin(0.37 * i * i + 0.5 * i) for i in range(ROWS * size)], (ROWS, *shape))
        labels = torch.tensor([(3 * i + i // 4) % classes for i in range(ROWS)])
        shapes = {key: (value.shape, value.numel()) for key, value in params.items()}

        def split(flat):
            parts = flat.split([n for _, n in shapes.values()])
            return {key: part.reshape(shape) for (key, (shape, _)), part in zip(shapes.items(), parts)}

        def loss(flat, x, y):
            return nn.functional.cross_entropy(functional_call(net, split(flat), x), y)

        flat = torch.cat([value.flatten() for value in params.values()])
        eigenvalues = torch.linalg.eigvalsh(hessian(loss)(flat, samples, labels))
        each = vmap(grad(loss), in_dims=(None, 0, 0))(flat, samples[:, None], labels[:, None])
        mean = each.mean(0)
        found[name] = {
            "sharpness": eigenvalues[-1].item(),
            "trace": ((each - mean).square().sum() / (ROWS - 1)).item(),
            "square": mean.square().sum().item(),
        }
    Path(__file__).with_name("curvature.json").write_text(json.dumps(found, indent=1) + "\n")


main()
