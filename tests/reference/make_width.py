"""Golden sizes of a coordinate check, from PyTorch: writes width.json beside this file.

Root mean squares of every layer's pre-activations at the start, and of their change after each of three steps, of two widths under μP with the
rates of Yang et al. 2021, table 3, from the base width 6. Run it with any PyTorch of version 2 or later: python make_width.py
"""

import json
import math
from pathlib import Path

import torch
from torch import nn

torch.set_default_dtype(torch.float64)
ROWS, INPUTS, BASE, LR = 20, 16, 6, 0.05

# Input weights and hidden biases, hidden weights, output weights, output biases: exponents of the width over the base's in the rate.
RATES = {"sgd": (1, 0, -1, 0), "adam": (0, -1, -1, 0)}
PLACES = {"0.weight": 0, "0.bias": 0, "2.weight": 1, "2.bias": 0, "4.weight": 2, "4.bias": 3}


def rounded(values, shape):
    """Values that a 32-bit float holds exactly."""
    return torch.tensor(values).to(torch.float32).to(torch.float64).reshape(shape)


def pre_activations(net, samples):
    """Every linear layer's output."""
    found, x = [], samples
    for module in net:
        x = module(x)
        if isinstance(module, nn.Linear):
            found.append(x.detach().clone())
    return found


def size(values):
    """The root mean square."""
    return round(values.square().mean().sqrt().item(), 10)


def main():
    # Grey values 0 and 255 are mapped to -1 and 1.
    pixels = [(37 * i * i + 11 * i) % 256 for i in range(ROWS * INPUTS)]
    samples = torch.tensor([2 * p / 255 - 1 for p in pixels]).reshape(ROWS, INPUTS)
    labels = torch.tensor([(3 * i + i // 4) % 4 for i in range(ROWS)])
    found = {}
    for kind, powers in RATES.items():
        for width in (12, 24):
            net = nn.Sequential(nn.Linear(INPUTS, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 4))
            groups = []
            for j, (name, param) in enumerate(net.named_parameters()):
                k = range(param.numel())
                if param.dim() > 1:
                    values = [1.5 / math.sqrt(param.shape[1]) * math.sin(1.7 * i + j) for i in k]
                else:
                    values = [0.1 * math.cos(i + j) for i in k]
                param.data = rounded(values, param.shape)
                groups.append({"params": [param], "lr": LR * (width / BASE) ** powers[PLACES[name]]})
            optimizer = torch.optim.SGD(groups) if kind == "sgd" else torch.optim.Adam(groups)
            start = pre_activations(net, samples)
            changes = []
            for _ in range(3):
                optimizer.zero_grad()
                nn.functional.cross_entropy(net(samples), labels).backward()
                optimizer.step()
                changes.append([size(now - before) for now, before in zip(pre_activations(net, samples), start)])
            found[f"{kind} {width}"] = {"start": [size(z) for z in start], "changes": changes}
    Path(__file__).with_name("width.json").write_text(json.dumps(found) + "\n")


main()
