"""How long the starts take: a clean clone, a later start, and --help.

Cold takes its packages from uv's cache and uv from this checkout, so no download is measured;
it includes the install, initdb, the migrations and the first answer of /readyz.
"""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.rows import row
from installation import free_port

CHECKOUT = Path(__file__).resolve().parents[2]
COLD_MUST_S, WARM_MUST_S, HELP_MUST_MS = 25.0, 4.0, 300.0
COLD_ROUNDS, WARM_ROUNDS, HELP_ROUNDS = 3, 5, 7
LOOK_EVERY_S = 0.01


def run() -> list[dict[str, Any]]:
    """Return the rows cold and warm in seconds, cli-help in milliseconds; each a median."""
    with tempfile.TemporaryDirectory(prefix="packshot-start-") as folder:
        clones = [Path(folder) / f"clone-{number}" for number in range(COLD_ROUNDS)]
        cold = [_first_start(clone) for clone in clones]
        warm = [_start(clones[0]) for _ in range(WARM_ROUNDS)]
        helps = [_help(clones[0]) for _ in range(HELP_ROUNDS)]
    return [
        row("cold", median(cold), unit="s", target=COLD_MUST_S),
        row("warm", median(warm), unit="s", target=WARM_MUST_S),
        row("cli-help", median(helps) * 1000, unit="ms", target=HELP_MUST_MS),
    ]


def _first_start(clone: Path) -> float:
    began = time.perf_counter()
    subprocess.run(["git", "clone", "-q", "--no-hardlinks", CHECKOUT, clone], check=True)
    return time.perf_counter() - began + _start(clone)


def _start(clone: Path) -> float:
    """Return the seconds from the command to the ready file."""
    ready_file = clone.parent / "ready.json"
    ready_file.unlink(missing_ok=True)
    arguments = ["up", "--port", str(free_port()), "--ready-file", str(ready_file)]
    began = time.perf_counter()
    with _packshot(clone, *arguments) as process:
        while not ready_file.exists():
            try:
                process.wait(LOOK_EVERY_S)
            except subprocess.TimeoutExpired:
                continue
            words = (clone.parent / "terminal.txt").read_text()
            raise RuntimeError(f"up ended with {process.returncode} in {clone}: {words}")
        return time.perf_counter() - began


def _help(clone: Path) -> float:
    began = time.perf_counter()
    with _packshot(clone, "--help") as process:
        process.wait()
    return time.perf_counter() - began


@contextmanager
def _packshot(clone: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    tools = str(CHECKOUT / ".tools" / "bin")
    with (clone.parent / "terminal.txt").open("w") as terminal:
        process = subprocess.Popen(
            [clone / "packshot", *arguments],
            env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"},
            stdout=terminal,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()
