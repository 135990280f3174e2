"""The command ``initlab``, also as ``python -m initlab``."""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    """Carries out the command line and ends the process with its exit code."""
    # As for any program: Ctrl-C ends it at once, until the command itself says otherwise.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from initlab import _initlab

    code = _initlab.main(os.path.abspath(sys.argv[0]), sys.argv[1:])
    sys.stdout.flush()
    # Nothing of Python's own is left to be done.
    os._exit(code)


if __name__ == "__main__":
    main()
