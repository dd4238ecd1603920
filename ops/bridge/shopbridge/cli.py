"""The command line of the bridge: opens the shop, serves it, and ends in order on SIGTERM."""

import argparse
import logging
import signal
import socket
import sys
import threading
from pathlib import Path

from shopbridge.callbacks import Clerk
from shopbridge.imports import UnusableCatalog, fill
from shopbridge.publishing import Publisher
from shopbridge.server import Server
from shopbridge.signatures import UnusableSecret, read_secrets
from shopbridge.store import Store

_log = logging.getLogger("bridge")


class UnusableAddress(Exception):
    """The callback address is not one."""


def main() -> int:
    """Serve until SIGINT or SIGTERM; returns the exit code."""
    options = _parser().parse_args()
    logging.basicConfig(format="%(message)s", level=options.log_level.upper(), stream=sys.stdout)
    try:
        _require_web(options.callback)
        keys = read_secrets(options.secret_file)
        listening = _listening(options)
        shop = Store(options.store)
        if options.fill is not None:
            count = fill(shop, options.fill)
            if count:
                _log.info("filled the shop with %d listings", count)
    except (OSError, UnusableAddress, UnusableSecret, UnusableCatalog) as problem:
        print(f"bridge: {problem}", file=sys.stderr)  # noqa: T201 - a terminal program
        return 1
    publisher = Publisher(shop, review_s=options.review, is_told=options.callback is not None)
    clerk = Clerk(shop, publisher, url=options.callback, key=keys[0])
    server = Server(listening, shop, publisher, account=options.account)
    server.keys = keys
    _serve(server, clerk)
    shop.close()
    return 0


def _serve(server: Server, clerk: Clerk) -> None:
    def on_signal(*_: object) -> None:
        # shutdown() waits for the loop that this handler interrupts.
        threading.Thread(target=server.shutdown, daemon=True).start()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    clerk.start()
    _log.info("serving %s on port %d", server.account, server.server_address[1])
    sys.stdout.flush()
    server.serve_forever(poll_interval=0.2)
    server.socket.close()
    server.drain()
    clerk.stop()


def _require_web(callback: str | None) -> None:
    if callback is not None and not callback.startswith(("http://", "https://")):
        raise UnusableAddress(f"--callback must be an http or https address; got {callback!r}")


def _listening(options: argparse.Namespace) -> socket.socket:
    """The socket to serve on: the one that a supervisor passed, or our own."""
    if options.fd is not None:
        return socket.socket(fileno=options.fd)
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((options.host, options.port))
    listening.listen(Server.request_queue_size)
    return listening


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bridge.py", description="The reference of an Amazon bridge; see docs/bridge.md."
    )
    add = parser.add_argument
    add("--store", type=Path, required=True, metavar="DIR", help="where the shop is kept")
    add("--secret-file", type=Path, required=True, metavar="FILE", help="whsec_… texts, one a line")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--port", type=int, help="the port to listen on; 0 takes a free one")
    where.add_argument("--fd", type=int, help="a socket that listens already, by its descriptor")
    add("--host", default="127.0.0.1", help="the address to listen on (127.0.0.1)")
    add("--account", default="Reference shop", help="the shop's name")
    add("--callback", metavar="URL", help="where the end of a pending publish is posted")
    add(
        "--review", type=float, default=0.0, metavar="SECONDS", help="how long a publish is pending"
    )
    add("--fill", type=Path, metavar="DIR", help="catalog.json and pictures for an empty shop")
    add("--log-level", default="info", choices=("debug", "info", "warning"))
    return parser
