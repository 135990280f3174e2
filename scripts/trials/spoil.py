"""What can be wrong with a config: values that nobody expects, and broken text."""

import math

INTEGERS = [0, 1, 2, 3, 7, -1, 255, 256, 10_000, 65_535, 1 << 31, (1 << 32) - 1, 1 << 53, (1 << 63) - 1, -(1 << 63)]
FLOATS = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    1e-308,
    5e-324,
    1e-45,
    1e-30,
    1e-8,
    1e8,
    1e30,
    3.5e38,
    1e308,
    1e16,
    0.1,
    2.0,
    math.inf,
    -math.inf,
    math.nan,
]
TEXTS = [
    "",
    " ",
    "relu",
    "none",
    "auto",
    "batch",
    "a" * 300,
    "../x",
    "/",
    "~",
    "/etc/hostname",
    "=1+1",
    "\x1b[31m",
    "é",
    "\u202e",
    "\n",
    '"',
    "'",
    "\\",
    "None",
    "0",
    "true",
    "-",
    ".",
]


def nasty(draw):
    """A value that nobody expects at its place."""
    kind = draw.randrange(10)
    if kind < 4:
        return draw.choice(INTEGERS)
    if kind < 7:
        return draw.choice(FLOATS)
    return draw.choice(
        [
            draw.choice(TEXTS),
            True,
            False,
            [],
            {},
            [draw.choice(INTEGERS)],
            [draw.choice(FLOATS)] * 2,
            {"kind": draw.choice(TEXTS)},
            [{}],
        ]
    )


def places(tree, at=()):
    """The path of every value in a tree."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield (*at, key)
        yield from places(value, (*at, key))


def spoil(draw, tree):
    """Changes one value, takes it away, or gives it another name. The length of training stays, so that every call ends soon."""
    path = draw.choice([path for path in places(tree) if path[-1] not in ("steps", "train")] or [("x",)])
    table = tree
    for key in path[:-1]:
        table = table[key]
    action, key = draw.randrange(8), path[-1]
    if action == 0:
        del table[key]
    elif action == 1 and isinstance(table, dict):
        table[str(key) + draw.choice(["x", "", "_", " "])] = table.pop(key) if key in table else 1
    elif action == 2 and isinstance(table, dict):
        table[draw.choice(["kind", "gain", "std", "layers", "padding", "x", "lsuv", "aim", "norm"])] = nasty(draw)
    else:
        table[key] = nasty(draw)


def scramble(draw, text):
    """Bytes changed, taken out, put in or doubled."""
    content = bytearray(text, "utf-8")
    for _ in range(draw.choice([1, 1, 2, 5])):
        at = draw.randrange(len(content) + 1)
        action = draw.randrange(5)
        if action == 0 and at < len(content):
            content[at] = draw.randrange(256)
        elif action == 1:
            del content[at : at + draw.choice([1, 2, 10, 100])]
        elif action == 2:
            content[at:at] = draw.choice(
                [b"[", b"]", b"{", b"}", b'"', b"=", b".", b"\n", b"#", b"\0", b"\xff", b"[[", b"'''", b"1e999", b"0x"]
            )
        elif action == 3:
            content[at:at] = content[at : at + draw.choice([1, 5, 50])]
        else:
            content = content[:at]
    return bytes(content)
