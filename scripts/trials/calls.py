"""Calls of the command with limits on memory and time, and how they end."""

import os
import resource
import signal
import subprocess
from dataclasses import dataclass

GIB = 1 << 30
# Only what a call of the command needs of the caller's environment; a data set that is not there must not be looked for in the network.
ENVIRONMENT = {
    "PATH": os.environ.get("PATH", ""),
    "HF_ENDPOINT": "http://127.0.0.1:9",
    "TERM": "dumb",
    "LC_ALL": "C.UTF-8",
}


@dataclass
class Ended:
    """How a call ended."""

    code: int
    stdout: bytes
    stderr: str
    # Whether what it printed could be read.
    heard: bool = True

    def fault(self):
        """What is wrong with the way it ended, whatever it was asked; None if nothing is."""
        if self.code == -signal.SIGXCPU or self.code == -signal.SIGKILL:
            return "endless"
        if self.code == -signal.SIGPIPE and not self.heard:
            return None
        if self.code < 0:
            return f"ended by {signal.Signals(-self.code).name}"
        if self.code == 101 or "panicked at" in self.stderr:
            lines = self.stderr.splitlines()
            at = next((i for i, line in enumerate(lines) if "panicked at" in line), 0)
            return f"panic: {' '.join(lines[at : at + 2])}"
        if self.code not in (0, 1, 2, 130):
            return f"code {self.code}"
        if self.code and self.heard and not self.stderr.strip():
            return "fails without a word"
        return None


def call(binary, arguments, cwd, memory=4 * GIB, seconds=30, deaf=None):
    """Runs `binary` in `cwd` with at most so many bytes of address space and seconds of processor time.

    With `deaf` nobody takes what it prints: "full" stands for a full disk under stdout and stderr, "gone" for a reader that has ended.
    """

    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    environment = ENVIRONMENT | {"HOME": str(cwd), "XDG_CACHE_HOME": str(cwd)}
    sink = subprocess.PIPE
    if deaf == "full":
        sink = os.open("/dev/full", os.O_WRONLY)
    elif deaf == "gone":
        reader, sink = os.pipe()
        os.close(reader)
    process = subprocess.Popen(
        [binary, *arguments],
        cwd=cwd,
        env=environment,
        preexec_fn=limit,
        stdin=subprocess.DEVNULL,
        stdout=sink,
        stderr=sink,
    )
    if deaf:
        os.close(sink)
    try:
        stdout, stderr = process.communicate(timeout=20 * seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        stdout, stderr = process.communicate()
    return Ended(process.returncode, stdout or b"", (stderr or b"").decode("utf-8", "replace"), not deaf)
