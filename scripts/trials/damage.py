"""Damage to a file: what disks, copies and editors do."""

import os

WAYS = (
    "a bit flipped",
    "a byte changed",
    "a digit changed",
    "cut short",
    "bytes put in",
    "bytes taken out",
    "a block of zeros",
    "lines swapped",
    "a line taken out",
    "a line doubled",
    "emptied",
    "deleted",
    "another's content",
)


def harm(draw, path, others):
    """Damages the file at `path` and says how; None if it came out as it was. `others` are contents of files of the same name."""
    way = draw.choice(WAYS)
    if way == "deleted":
        os.remove(path)
        return way
    with open(path, "rb") as file:
        before = file.read()
    after, where = changed(draw, way, bytearray(before), others)
    if bytes(after) == before:
        return None
    with open(path, "wb") as file:
        file.write(after)
    return f"{way}{where}"


def changed(draw, way, content, others):
    at = draw.randrange(len(content)) if content else 0
    where = f" at byte {at} of {len(content)}"
    if way == "emptied" or not content:
        return b"", ""
    if way == "another's content":
        return (draw.choice(others), "") if others else (content, "")
    if way == "a bit flipped":
        content[at] ^= 1 << draw.randrange(8)
    elif way == "a byte changed":
        content[at] = draw.randrange(256)
    elif way == "a digit changed":
        digits = [i for i, byte in enumerate(content) if 48 <= byte < 58]
        if digits:
            at = draw.choice(digits)
            content[at], where = draw.randrange(48, 58), f" at byte {at} of {len(content)}"
    elif way == "cut short":
        del content[at:]
    elif way == "bytes put in":
        content[at:at] = draw.randbytes(draw.choice([1, 4, 100]))
    elif way == "bytes taken out":
        del content[at : at + draw.choice([1, 4, 100])]
    elif way == "a block of zeros":
        length = min(draw.choice([1, 8, 64, 512]), len(content) - at)
        content[at : at + length] = bytes(length)
    else:
        lines = bytes(content).splitlines(keepends=True)
        at, other = draw.randrange(len(lines)), draw.randrange(len(lines))
        if way == "lines swapped":
            lines[at], lines[other] = lines[other], lines[at]
        elif way == "a line taken out":
            del lines[at]
        else:
            lines.insert(at, lines[at])
        return b"".join(lines), f" at line {at + 1}"
    return content, where
