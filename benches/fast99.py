#!/usr/bin/env python3
"""Trains the net of configs/fast99_net.toml in PyTorch, to be timed beside it on the same cores.

usage: python benches/fast99.py MNIST_DIR [--seeds 5] [--threads 2]

Prints each seed's test accuracy and the seconds of its training, without data and evaluation, as `initlab train` counts them.
"""
import argparse
import gzip
import statistics
import time

import numpy as np
import torch
from torch import nn


def images(directory, part):
    with gzip.open(f"{directory}/{part}-images-idx3-ubyte.gz") as file:
        pixels = np.frombuffer(file.read()[16:], np.uint8).reshape(-1, 1, 28, 28)
    with gzip.open(f"{directory}/{part}-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read()[8:], np.uint8)
    return (torch.tensor(pixels).float() / 255 - 0.1307) / 0.3081, torch.tensor(labels).long()


def net():
    def stage(channels, out, kernel):
        return nn.Conv2d(channels, out, kernel), nn.BatchNorm2d(out), nn.ReLU(), nn.MaxPool2d(2)

    hidden = nn.Flatten(), nn.Linear(800, 128), nn.BatchNorm1d(128), nn.ReLU()
    return nn.Sequential(*stage(1, 16, 5), *stage(16, 32, 3), *hidden, nn.Linear(128, 10))


def train(data, seed):
    (x, y), (test_x, test_y) = data
    torch.manual_seed(seed)
    model, steps = net(), -(-len(x) // 256)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, betas=(0.7, 0.9))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.01, total_steps=steps, cycle_momentum=False)
    begun = time.perf_counter()
    for rows in torch.randperm(len(x)).split(256):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
        optimizer.step()
        schedule.step()
    seconds = time.perf_counter() - begun
    model.eval()
    with torch.no_grad():
        right = sum((model(a).argmax(1) == b).sum().item() for a, b in zip(test_x.split(1000), test_y.split(1000)))
    return 100 * right / len(test_x), seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mnist")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    data = [images(options.mnist, part) for part in ("train", "t10k")]
    found = []
    for seed in range(options.seeds):
        found.append(train(data, seed))
        print(f"seed {seed}: {found[-1][0]:.2f} %, {found[-1][1]:.2f} s", flush=True)
    accuracies, seconds = zip(*found)
    print(f"mean {statistics.mean(accuracies):.3f} %, median {statistics.median(seconds):.2f} s")


if __name__ == "__main__":
    main()
