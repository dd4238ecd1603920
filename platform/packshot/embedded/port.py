"""The port of the API: whether it is free, and whether who listens there is ready."""

import errno
import socket
from http.client import HTTPConnection, HTTPException  # noqa: TID251 - asks our own port

from packshot.embedded.problems import PortUnusable

LOOPBACKS = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
ANSWER_TIMEOUT_S = 2.0
OK = 200


def check_free(port: int) -> None:
    """Raise PortUnusable where the API could not listen on this port of 127.0.0.1 and ::1."""
    for family, address in LOOPBACKS:
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((address, port))
        except OSError as problem:
            if problem.errno == errno.EADDRINUSE:
                raise PortUnusable(
                    f"Port {port} is taken by another program (`ss -ltnp 'sport = :{port}'` names "
                    "it). End it, or choose another port with --port N."
                ) from problem
            if problem.errno == errno.EACCES:
                raise PortUnusable(
                    f"Port {port} is not open to this user; choose one above 1023 with --port N."
                ) from problem
            # No IPv6 on this machine: 127.0.0.1 is enough.


def answers_ready(port: int) -> bool:
    """Ask /readyz on this port and return whether it says 200."""
    connection = HTTPConnection("127.0.0.1", port, timeout=ANSWER_TIMEOUT_S)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
