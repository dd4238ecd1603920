"""Runs `packshot up` in a process of its own, as a person would, and waits for what it says."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

READY_WITHIN_S = 60.0
LOOK_EVERY_S = 0.02


@dataclass(slots=True)
class Up:
    """A running `packshot up`."""

    process: subprocess.Popen[str]
    data: Path
    port: int
    ready_file: Path
    output: Path

    @property
    def ready(self) -> dict[str, Any]:
        """What the ready file says now."""
        return json.loads(self.ready_file.read_text())

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(how)  # nothing where it has ended already
        return self.process.wait(60)

    def until(self, is_so: Callable[[], bool], *, what: str) -> None:
        """Wait until something holds; fails with the terminal's text when it does not."""
        deadline = time.monotonic() + READY_WITHIN_S
        while not is_so():
            assert time.monotonic() < deadline, f"never: {what}\n{self.output.read_text()}"
            assert not self._ends_within(LOOK_EVERY_S), f"ended:\n{self.output.read_text()}"

    def _ends_within(self, seconds: float) -> bool:
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True


@contextmanager
def running_up(
    data: Path, *, port: int | None = None, environ: Mapping[str, str] | None = None
) -> Iterator[Up]:
    """Run `up` on a folder until it is ready, and end it after the block if it still runs."""
    up = start_up(data, port=port or free_port(), environ=environ)
    try:
        up.until(up.ready_file.exists, what="ready")
        yield up
    finally:
        try:
            up.stop()
        finally:
            up.process.kill()


def start_up(data: Path, *, port: int, environ: Mapping[str, str] | None = None) -> Up:
    """Start `up` and return at once; ``environ`` is told to it and to its children besides."""
    data.parent.mkdir(parents=True, exist_ok=True)
    ready_file, output = data.parent / "ready.json", data.parent / "terminal.txt"
    ready_file.unlink(missing_ok=True)
    with output.open("w") as terminal:
        process = subprocess.Popen(
            [*PACKSHOT, "up", "--data", data, "--port", str(port), "--ready-file", ready_file],
            stdout=terminal,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PACKSHOT_RENDER_CHILDREN": "1", **(environ or {})},
        )
    return Up(process, data, port, ready_file, output)


def packshot(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run(
        [*PACKSHOT, *arguments], capture_output=True, text=True, timeout=90, check=False
    )


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_alive(pid: int) -> bool:
    """Read whether a process lives; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


PACKSHOT = (sys.executable, "-P", "-m", "packshot")
