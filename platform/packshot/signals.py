"""What a process is told and tells: to stop, by a signal; that it has started, by a file."""

import asyncio
import os
import signal
from pathlib import Path

STARTED_FILE = "PACKSHOT_STARTED_FILE"


def told_to_stop() -> asyncio.Event:
    """An event of the running loop that is set by the first SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    return stop


def tell_started() -> None:
    """Write this process's id where its supervisor wants to read it; without one, nothing."""
    wanted = os.environ.get(STARTED_FILE)
    if wanted:
        Path(wanted).write_text(str(os.getpid()))


def has_started(file: Path, pid: int) -> bool:
    """Whether the process of that id has told that it started."""
    try:
        return file.read_text() == str(pid)
    except OSError:
        return False
