"""What a directory holds, apart from what the clock wrote."""

import json
import os
import re
import struct

EVENTS = "events.out.tfevents"


def held(directory):
    """Every file below `directory` by its path from there, without times; directories end in a slash."""
    found = {}
    for root, directories, names in os.walk(directory):
        for name in directories:
            found[os.path.relpath(os.path.join(root, name), directory) + "/"] = b""
        for name in names:
            path = os.path.join(root, name)
            short = os.path.relpath(path, directory)
            with open(path, "rb") as file:
                content = file.read()
            if EVENTS in name:
                short = os.path.join(os.path.dirname(short), EVENTS)
                short += " (another)" if short in found else ""
                content = without_wall_times(content)
            found[short] = timeless(content) if name == "run.json" else content
    return found


def difference(found, expected, apart=()):
    """Names of files that differ or are in one place only, apart from those named."""
    names = sorted(set(found) | set(expected))
    return [name for name in names if name not in apart and found.get(name) != expected.get(name)]


def timeless(text):
    """JSON without `timing` and without what names an event file, whose name and content hold times; of other text only the names."""

    def forget(value):
        if isinstance(value, dict):
            return {key: forget(item) for key, item in value.items() if key != "timing" and EVENTS not in key}
        if isinstance(value, list):
            return [forget(item) for item in value if EVENTS not in json.dumps(item)]
        return value

    try:
        return json.dumps(forget(json.loads(text))).encode()
    except ValueError:
        return re.sub(EVENTS.encode() + rb"\.\d+", EVENTS.encode(), text)


def without_wall_times(content):
    """Events as a list of steps and summaries, but not those with the session's times; what is no event file as it is."""
    events, at = [], 0
    try:
        while at < len(content):
            (length,) = struct.unpack_from("<Q", content, at)
            fields = dict(message(content[at + 12 : at + 12 + length]))
            values = [value for _, value in message(fields.get(5, b""))]
            events.append(
                (
                    fields.get(2, 0),
                    [
                        value
                        for value in values
                        if not dict(message(value)).get(1, b"").startswith(b"_hparams_/session")
                    ],
                )
            )
            at += length + 16
    except (struct.error, IndexError, ValueError, TypeError, AttributeError):
        return content
    return repr(events).encode()


def message(content):
    """Number and value of each field of a protocol buffer."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = content[at]
            value |= (byte & 127) << shift
            at, shift = at + 1, shift + 7
            if byte < 128:
                return value

    while at < len(content):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
            continue
        length = {1: 8, 5: 4}.get(key & 7) or varint()
        yield key >> 3, content[at : at + length]
        at += length
