"""The API process: opens the services, serves HTTP, and on a signal finishes what runs and ends."""

import asyncio
import errno
import signal
import socket
from collections.abc import Awaitable, Callable

import structlog
import uvloop
from hypercorn.asyncio import serve as serve_hypercorn
from hypercorn.asyncio import tcp_server
from hypercorn.config import Config, Sockets
from quart import Quart

from packshot.app import STATE, create_app
from packshot.config import Settings
from packshot.edge.logs import configure_logs, log_unhandled
from packshot.edge.state import ServingState
from packshot.wiring import open_services

IPV4_LOOPBACK = "127.0.0.1"
IPV6_LOOPBACK = "::1"
BACKLOG = 512
# Also ends a connection whose request's header drips in; browsers and clients reconnect silently.
KEEP_ALIVE_S = 15
# A safety net only: it also runs while a client reads a long answer and says nothing, so it must
# outlast the longest (``files.SEND_WITHIN_S``). Bodies on their way in have their own patience.
READ_S = 660
FINISH_WITHIN_S = 30
MOST_H2_STREAMS = 50
# The server reads 64 KiB at a time and has no setting for it; a quarter of the rounds through its
# parser and queue took a 50 MB upload from 175 to 140 ms of CPU.
READ_BYTES = 256 * 1024

log = structlog.get_logger()


class PortTaken(Exception):
    """Another program listens on the port."""


def serve(settings: Settings, *, port: int) -> None:
    """Serve the API on ``port`` of both loopback addresses until SIGTERM or SIGINT.

    Returns after the running requests are finished. Raises PortTaken.
    """
    sockets = listen(port)
    configure_logs()
    uvloop.run(_serve(settings, sockets))


def listen(port: int) -> list[socket.socket]:
    """Listening sockets on 127.0.0.1 and, where the machine has it, ::1; 0 chooses a free port."""
    first = _listen(socket.AF_INET, IPV4_LOOPBACK, port=port)
    chosen = first.getsockname()[1]
    try:
        return [first, _listen(socket.AF_INET6, IPV6_LOOPBACK, port=chosen)]
    except PortTaken:
        first.close()
        raise
    except OSError:  # no IPv6 here
        return [first]


async def serve_app(
    app: Quart, sockets: list[socket.socket], *, until: Callable[[], Awaitable[object]]
) -> None:
    """Serve the application on the sockets until ``until`` returns, then finish what runs."""
    state: ServingState = app.extensions[STATE]

    async def told_to_stop() -> None:
        await until()
        state.drain()

    config = _server_config(sockets)
    await serve_hypercorn(app, config, shutdown_trigger=told_to_stop)


async def _serve(settings: Settings, sockets: list[socket.socket]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(log_unhandled)
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    async with open_services(settings, hand_over=True) as services:
        app = create_app(services)
        log.info("api_started", port=sockets[0].getsockname()[1])
        await serve_app(app, sockets, until=stop.wait)
    log.info("api_stopped")


def _listen(family: socket.AddressFamily, address: str, *, port: int) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((address, port))
        listener.listen(BACKLOG)
        listener.setblocking(False)  # noqa: FBT003 - the standard library's signature
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(f"port {port} of {address} is in use") from None
        raise
    return listener


class _BoundConfig(Config):
    """The server's settings on sockets that are bound already."""

    def __init__(self, sockets: list[socket.socket]) -> None:
        super().__init__()
        self._sockets = sockets

    def create_sockets(self) -> Sockets:
        return Sockets([], self._sockets, [])


def _server_config(sockets: list[socket.socket]) -> Config:
    tcp_server.MAX_RECV = READ_BYTES
    config = _BoundConfig(sockets)
    config.accesslog = None  # the guard writes a line per request
    config.loglevel = "WARNING"
    config.include_server_header = False
    config.keep_alive_timeout = KEEP_ALIVE_S
    config.keep_alive_max_requests = 100_000
    config.read_timeout = READ_S
    config.graceful_timeout = FINISH_WITHIN_S
    config.h2_max_concurrent_streams = MOST_H2_STREAMS
    return config
