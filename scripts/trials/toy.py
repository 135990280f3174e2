"""A data set of a moment: images of 6×6 pixels in three classes, each with one bright third."""

import os
import random
import struct

NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def idx(sizes, data, kind=8, magic=b"\0\0"):
    """An IDX file: two zeros, the type, the number of dimensions, the sizes, the values."""
    return (
        magic
        + bytes([kind, len(sizes) & 255])
        + b"".join(struct.pack(">I", size & 0xFFFFFFFF) for size in sizes)
        + bytes(data)
    )


def files(train=60, test=24, rows=6, cols=6, classes=3, seed=0):
    """The bytes of the four files."""
    draw, made = random.Random(seed), []
    for count in (train, test):
        labels = [i % classes for i in range(count)]
        pixels = (
            draw.randrange(60) + 150 * (y * classes // rows == label)
            for label in labels
            for y in range(rows)
            for _ in range(cols)
        )
        made += [idx([count, rows, cols], pixels), idx([count], labels)]
    return made


def write(directory, contents=None):
    """Writes the four files into a directory, which is made."""
    os.makedirs(directory, exist_ok=True)
    for name, content in zip(NAMES, contents or files()):
        with open(os.path.join(directory, name), "wb") as file:
            file.write(content)
