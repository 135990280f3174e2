"""Runs and studies that are killed at random moments, again and again, until they come to their end."""

import os
import signal

TRAIN = ["train", "../net.toml", "--out", "out", "--json"]
ALONE = [*TRAIN, "--threads", "1"]
COMPARE = ["compare", "../study.toml", "--out", "out", "--json"]
TUNED = ["compare", "../tuned.toml", "--out", "out", "--json"]

# The call, and the calls of which the first that does not refuse goes on.
KILLED = {
    "a run": (TRAIN, [[*TRAIN, "--resume"], TRAIN]),
    "a run on one thread": (ALONE, [[*ALONE, "--resume"], ALONE]),
    "a study": (COMPARE, [COMPARE]),
    "a tuned study": (TUNED, [TUNED]),
}


def kill(field, name, draw, cwd):
    """Kills until chance has enough, then goes on to the end. The number of kills, and the finding."""
    first, again = KILLED[name]
    seconds = field.reference(first)[2]
    arguments, kills = first, 0
    while kills == 0 or draw.random() < 0.4:
        ended = field.kill(field.start(cwd, arguments), draw.uniform(0, 1.1 * seconds))
        killed = ended.code == -signal.SIGKILL
        kills += killed
        if not killed and (wrong := field.judge(ended, arguments)):
            return kills, wrong
        if ended.code == 0:
            break
        # A resume of what never began refuses.
        arguments = again[0] if os.path.exists(os.path.join(cwd, "out")) else first
    return kills, field.finish(cwd, again)
