"""One installation at a time on a data folder, and no successor while its children live."""

import fcntl
import os
import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from packshot.embedded.layout import Layout
from packshot.embedded.problems import AlreadyRunning

RETRY_S = 0.05


@contextmanager
def held(layout: Layout, *, wait_s: float = 40.0) -> Iterator[int]:
    """Hold the data folder for the length of a block; yields the lock's descriptor.

    Children that inherit the descriptor keep the lock until they are gone too: after a kill -9
    the next start waits for them (at most ``wait_s``, longer than any child's grace). A holder
    that lives is reported at once. Raises AlreadyRunning, or UnusableFolder
    where the folder cannot be made.
    """
    layout.make_root()
    descriptor = os.open(layout.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _acquire(descriptor, layout, deadline=time.monotonic() + wait_s)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()} {_started_at(os.getpid())}".encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


def is_held(layout: Layout) -> bool:
    """Read whether some process holds the data folder now."""
    try:
        descriptor = os.open(layout.lock, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _acquire(descriptor: int, layout: Layout, *, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _living_holder(descriptor)
            if holder is not None:
                raise AlreadyRunning(
                    f"packshot runs on {layout.root} already (process {holder}). "
                    "Stop it first, or choose another folder with --data DIR."
                ) from None
            if time.monotonic() > deadline:
                raise AlreadyRunning(
                    f"Processes of an earlier run still hold {layout.lock}. "
                    f"Find them with `fuser {layout.lock}`, end them and start again."
                ) from None
            select.select([], [], [], RETRY_S)
        else:
            return


def _living_holder(descriptor: int) -> int | None:
    """Return the pid written by the holder if that very process still lives."""
    pid, _, started_at = os.pread(descriptor, 64, 0).decode().partition(" ")
    if not pid.isdigit() or _started_at(int(pid)) != started_at:
        return None
    return int(pid)


def _started_at(pid: int) -> str:
    """Return when a process started, in the kernel's ticks: a pid used again is another process.

    Empty for a process that is gone or a zombie; "alive" where there is no /proc.
    """
    if Path("/proc/self/stat").exists():
        try:
            after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return ""
        state, started_at = after_name[0], after_name[19]  # proc_pid_stat(5): fields 3 and 22
        return "" if state == "Z" else started_at
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    return "alive"
