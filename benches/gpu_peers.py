"""The work of benches/cohorts.rs in PyTorch on a GPU: runs trained in turn, eagerly and through torch.compile.

usage: python3 benches/gpu_peers.py [--work mlp,small_batch,deep,cnn] [--forms eager,compile] [--statistics] [--seconds 2] [--device cuda]

A line of JSON for each measurement: images per second, the median of five stretches. Images lie on the GPU as bytes and
are gathered and normalised there, as initlab has it. --statistics records mean, mean square, least, greatest and share of
near zeros of every layer's output and of its gradient with hooks, stacked and fetched once a step.
"""
import argparse
import json
import time

import torch
import torch.nn.functional as F
from torch import nn

WORKS = {  # hidden widths or channels, rows of a batch
    "mlp": ("mlp", [50], 512),
    "small_batch": ("mlp", [50], 64),
    "deep": ("mlp", [100] * 30, 128),
    "cnn": ("cnn", [8, 16, 32, 32], 512),
}


def network(kind, sizes):
    layers = [nn.Flatten()] if kind == "mlp" else []
    before = 784 if kind == "mlp" else 1
    for at, size in enumerate(sizes):
        kernel = 5 if at == 0 else 3
        weight = nn.Linear(before, size) if kind == "mlp" else nn.Conv2d(before, size, kernel, 2, kernel // 2)
        layers += [weight, nn.ReLU()]
        before = size
    if kind == "cnn":
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    layers.append(nn.Linear(before, 10))
    for layer in layers:
        if isinstance(layer, (nn.Linear, nn.Conv2d)):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
    return nn.Sequential(*layers)


def moments(t):
    t = t.detach()
    return torch.stack([t.mean(), t.square().mean(), t.min(), t.max(), (t.abs() < 0.05).float().mean()])


class Training:
    def __init__(self, work, device, statistics, compiled):
        kind, sizes, self.rows = WORKS[work]
        self.device, self.seen = device, []
        self.images = torch.randint(0, 256, (60000, 1, 28, 28), dtype=torch.uint8, device=device)
        self.labels = torch.arange(60000, device=device) % 10
        self.model = network(kind, sizes).to(device)
        if statistics:
            for layer in self.model:
                if isinstance(layer, nn.ReLU) or layer is self.model[-1]:
                    layer.register_forward_hook(self.watch)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=1e-3)
        self.loss = self.forward
        if compiled:
            self.loss = torch.compile(self.forward, mode="reduce-overhead")
        self.statistics, self.at = statistics, 0

    def watch(self, module, inputs, output):
        self.seen.append(moments(output))
        output.register_hook(lambda gradient: self.seen.append(moments(gradient)))

    def forward(self, rows):
        x = self.images[rows].float().mul(1 / 79.0).sub(0.42)
        return F.cross_entropy(self.model(x), self.labels[rows])

    def step(self):
        rows = (self.at * self.rows + torch.arange(self.rows, device=self.device) * 31) % 60000
        loss = self.loss(rows)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        if self.statistics:
            torch.stack(self.seen).cpu()
            self.seen.clear()
        self.at += 1

    def measure(self, seconds):
        wait = torch.cuda.synchronize if self.device == "cuda" else lambda: None
        for _ in range(20):
            self.step()
        wait()
        rates = []
        for _ in range(5):
            begun, steps = time.perf_counter(), 0
            while time.perf_counter() - begun < seconds / 5 or steps == 0:
                self.step()
                steps += 1
            wait()
            rates.append(steps * self.rows / (time.perf_counter() - begun))
        return sorted(rates)[2]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", default=",".join(WORKS))
    parser.add_argument("--forms", default="eager,compile")
    parser.add_argument("--statistics", action="store_true")
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    arguments = parser.parse_args()
    for work in arguments.work.split(","):
        # Hooks that keep tensors break the graph: with statistics only the eager form is a fair rival.
        for form in ["eager"] if arguments.statistics else arguments.forms.split(","):
            result = {
                "program": "torch " + torch.__version__,
                "form": form,
                "device": arguments.device,
                "work": work,
                "runs": 1,
                "statistics": arguments.statistics,
            }
            try:
                rate = Training(work, arguments.device, arguments.statistics, form == "compile").measure(arguments.seconds)
                result["images_per_s"] = round(rate)
            except Exception as error:  # a machine without a C compiler cannot run torch.compile
                result["error"] = str(error).splitlines()[0][:200]
            print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
