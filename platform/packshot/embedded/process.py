"""A child process as data: what to run, how it dies with its parent, how it is asked to stop."""

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from packshot.embedded.problems import StartFailed

PR_SET_PDEATHSIG = 1  # linux/prctl.h
READY_POLL_S = 0.01


@dataclass(frozen=True, slots=True)
class Service:
    """One program to keep running.

    ``become`` runs in the child between fork and exec; ``is_ready`` is asked with the child's pid
    until it says yes. ``keep_open`` are descriptors that the child holds for as long as it lives.
    """

    name: str
    argv: Sequence[str]
    is_ready: Callable[[int], bool]
    env: Mapping[str, str] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGTERM
    grace_s: float = 30.0
    become: Callable[[], None] | None = None
    keep_open: tuple[int, ...] = ()

    def before_exec(self) -> None:
        """Run in the child: take its identity, then ask to be stopped when the parent dies."""
        if self.become is not None:
            self.become()
        die_with_parent(self.stop_signal)

    def environment(self) -> dict[str, str]:
        """Return the parent's environment without what libpq would read, plus the service's own."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
        return {**inherited, **self.env}


def die_with_parent(stop_signal: signal.Signals) -> None:
    """Have the kernel send ``stop_signal`` when the thread that forked this process ends.

    Linux only. Fork from the main thread: the signal follows the thread, not the process.
    """
    if sys.platform == "linux":
        _LIBC.prctl(PR_SET_PDEATHSIG, int(stop_signal), 0, 0, 0)


@contextmanager
def running(service: Service, *, log: Path, timeout_s: float = 30.0) -> Iterator[int]:
    """Run a service for the length of a block and yield its pid; its output goes to ``log``.

    Raises StartFailed, with the end of the log, when it ends or is not ready in time.
    """
    with log.open("ab") as output:
        child = subprocess.Popen(
            service.argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=service.environment(),
            start_new_session=True,
            pass_fds=service.keep_open,
            preexec_fn=service.before_exec,  # noqa: PLW1509 - forked from the main thread
        )
    try:
        _wait_until_ready(service, child, log=log, timeout_s=timeout_s)
        yield child.pid
    finally:
        stop(child, service)


def stop(child: subprocess.Popen[bytes], service: Service) -> int:
    """Ask a child to stop, kill it after its grace, and return its exit code."""
    if child.poll() is None:
        child.send_signal(service.stop_signal)
    try:
        return child.wait(service.grace_s)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        return child.wait()


def log_end(log: Path, size_bytes: int = 1200) -> str:
    """Return the last bytes of a log as text, to show why something failed."""
    try:
        return log.read_bytes()[-size_bytes:].decode(errors="replace").strip()
    except OSError:
        return ""


def _wait_until_ready(
    service: Service, child: subprocess.Popen[bytes], *, log: Path, timeout_s: float
) -> None:
    deadline = time.monotonic() + timeout_s
    while not service.is_ready(child.pid):
        if child.poll() is not None:
            raise StartFailed(f"{service.name} ended with {child.returncode}: {log_end(log)}")
        if time.monotonic() > deadline:
            raise StartFailed(f"{service.name} was not ready in {timeout_s:.0f} s: {log_end(log)}")
        select.select([], [], [], READY_POLL_S)


_LIBC = ctypes.CDLL(None, use_errno=True)
