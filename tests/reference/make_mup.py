"""Golden values of steps under μP, from PyTorch with the rates of Yang et al. 2021, table 3: writes mup.json beside this file.

Widths 12 and 8 are twice those of the base network, 6 and 4. Run it with any PyTorch of version 2 or later: python make_mup.py
"""

import json
import math
from pathlib import Path

import torch
from torch import nn

torch.set_default_dtype(torch.float64)
ROWS, GROWTH, LR = 20, 2, 0.05

# Input weights and hidden biases, hidden weights, output weights, output biases: factors on the rate.
RATES = {"sgd": (GROWTH, 1, 1 / GROWTH, 1), "adam": (1, 1 / GROWTH, 1 / GROWTH, 1)}
PLACES = {"0.weight": 0, "0.bias": 0, "2.weight": 1, "2.bias": 0, "4.weight": 2, "4.bias": 3}


def rounded(values, shape):
    """Values that a 32-bit float holds exactly."""
    return torch.tensor(values).to(torch.float32).to(torch.float64).reshape(shape)


def main():
    samples = rounded([math.sin(0.37 * i * i + 0.5 * i) for i in range(ROWS * 6)], (ROWS, 6))
    labels = torch.tensor([(3 * i + i // 4) % 4 for i in range(ROWS)])
    found = {}
    for kind, rates in RATES.items():
        net = nn.Sequential(nn.Linear(6, 12), nn.Tanh(), nn.Linear(12, 8), nn.Tanh(), nn.Linear(8, 4))
        groups = []
        for j, (name, param) in enumerate(net.named_parameters()):
            k = range(param.numel())
            if param.dim() > 1:
                values = [1.5 / math.sqrt(param.shape[1]) * math.sin(1.7 * i + j) for i in k]
            else:
                values = [0.1 * math.cos(i + j) for i in k]
            param.data = rounded(values, param.shape)
            groups.append({"params": [param], "lr": LR * rates[PLACES[name]]})
        optimizer = torch.optim.SGD(groups) if kind == "sgd" else torch.optim.Adam(groups)
        for _ in range(5):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(samples), labels).backward()
            optimizer.step()
        found[kind] = {name: [round(x, 8) for x in param.flatten().tolist()] for name, param in net.named_parameters()}
    Path(__file__).with_name("mup.json").write_text(json.dumps(found) + "\n")


main()
