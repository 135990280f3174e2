"""What a watch costs: a step of lesson 8's CNN in PyTorch alone, with plain hooks, and watched, in turns so that all meet the same machine.

    python python/benches/watch.py [batch size] [rounds]
"""

from __future__ import annotations

import statistics
import sys
import time

import torch
from torch import nn

import initlab

BATCH = int(sys.argv[1]) if len(sys.argv) > 1 else 512
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 30
STEPS = 5


def lesson_cnn() -> nn.Sequential:
    layers: list[nn.Module] = []
    for a, b, k in [(1, 8, 5), (8, 16, 3), (16, 32, 3), (32, 32, 3)]:
        layers += [nn.Conv2d(a, b, k, stride=2, padding=k // 2), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10))


def plain_hooks(module: nn.Sequential) -> None:
    """Mean and standard deviation of each layer's output and its gradient, as hooks in courses record them."""
    kept: list[float] = []

    def forwards(layer: nn.Module, args: object, output: torch.Tensor) -> None:
        values = output.detach()
        kept.extend((values.mean().item(), values.std().item()))

    def backwards(layer: nn.Module, into: object, out: tuple[torch.Tensor, ...]) -> None:
        kept.extend((out[0].mean().item(), out[0].std().item()))

    for layer in module:
        if isinstance(layer, (nn.Conv2d, nn.ReLU, nn.Linear)):
            layer.register_forward_hook(forwards)
        if isinstance(layer, (nn.ReLU, nn.Linear)):
            layer.register_full_backward_hook(backwards)


def main() -> None:
    images, labels = torch.randn(BATCH, 1, 28, 28), torch.randint(10, (BATCH,))
    kinds = {}
    for kind in ("alone", "hooks", "watch"):
        module = lesson_cnn()
        initlab.init_(module, seed=0, last="10.*")
        if kind == "hooks":
            plain_hooks(module)
        watched = initlab.watch(module) if kind == "watch" else None
        kinds[kind] = (module, torch.optim.SGD(module.parameters(), lr=0.1), watched)

    def step(kind: str) -> None:
        module, sgd, _ = kinds[kind]
        loss = nn.functional.cross_entropy(module(images), labels)
        sgd.zero_grad()
        loss.backward()
        sgd.step()

    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    for kind in kinds:
        step(kind)
    for _ in range(ROUNDS):
        for kind in kinds:
            begun = time.perf_counter()
            for _ in range(STEPS):
                step(kind)
            times[kind].append((time.perf_counter() - begun) / STEPS)
    alone = statistics.median(times["alone"])
    print(f"batch {BATCH}, {torch.get_num_threads()} threads, median of {ROUNDS} rounds of {STEPS} steps")
    for kind, taken in times.items():
        paired = statistics.median(one / other for one, other in zip(taken, times["alone"]))
        print(f"{kind:6} {1e3 * statistics.median(taken):7.2f} ms a step, {100 * (paired - 1):+6.1f} % of {1e3 * alone:.2f} ms")


if __name__ == "__main__":
    main()
