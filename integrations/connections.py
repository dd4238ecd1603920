"""Connections that outlive a call for a moment, so that many calls to one host share them."""

import asyncio
import ssl
from collections.abc import Iterable, Mapping

import httpcore

from integrations.dialing import Dial
from integrations.names import Resolve
from integrations.reach import Reach
from integrations.urls import Target

# Shorter than any server in use keeps an idle connection (gunicorn: 2 s): a call rarely meets one
# that is being closed. Reuse is for bursts; it reaches the address that was checked.
IDLE_S = 1.0
IDLE_PER_HOST = 16
IDLE_TOTAL = 128
HEAD_MAX_BYTES = 128 * 1024
CHUNKING_BYTES = 1024 * 1024

Place = tuple[str, str, int]


class Line:
    """One connection to one target."""

    def __init__(self, target: Target, *, dial: Dial, context: ssl.SSLContext) -> None:
        self.place: Place = (target.scheme, target.host, target.port)
        self._dial = dial
        self._length_bytes: int | None = None
        self._connection = httpcore.AsyncHTTPConnection(
            origin=httpcore.Origin(target.scheme.encode(), target.host.encode(), target.port),
            ssl_context=context,
            keepalive_expiry=IDLE_S,
            network_backend=dial,
        )

    async def ask(
        self,
        method: str,
        target: Target,
        *,
        headers: Mapping[str, str],
        body: bytes,
        max_bytes: int,
    ) -> httpcore.Response:
        """Send a request and wait for the head of its response.

        The body may then take ``max_bytes`` twice over and a megabyte on the wire, which leaves
        room for chunks of one byte each in small answers.
        """
        url = httpcore.URL(
            scheme=target.scheme, host=target.host, port=target.port, target=target.path
        )
        self._dial.meter.start(HEAD_MAX_BYTES)
        self._length_bytes = None
        response = await self._connection.handle_async_request(
            httpcore.Request(method, url, headers=list(headers.items()), content=body)
        )
        self._dial.meter.allow(2 * max_bytes + CHUNKING_BYTES)
        self._length_bytes = _length_of(response)
        return response

    def is_reusable(self) -> bool:
        """Whether the last response was read whole and not a byte followed it until now."""
        return (
            self._length_bytes is not None
            and self._dial.meter.is_exact(self._length_bytes)
            and self._connection.is_idle()
            and not self._connection.has_expired()
        )

    async def close(self) -> None:
        """Close the connection, however far it came."""
        await self._connection.aclose()
        await self._dial.hang_up()


def _length_of(response: httpcore.Response) -> int | None:
    """The body's size in bytes, None if the head does not say; h11 has checked the number."""
    if response.status == 204:  # noqa: PLR2004 - RFC 9110, 15.3.5: no content
        return 0
    for name, value in response.headers:
        if name.lower() == b"content-length":
            return int(value)
    return None


class Connections:
    """Lines in no call, by host; a line that nobody wants within a second is closed."""

    def __init__(self, *, context: ssl.SSLContext, reach: Reach, resolve: Resolve) -> None:
        self._context = context
        self._reach = reach
        self._resolve = resolve
        self._idle: dict[Place, list[Line]] = {}
        self._sweeping: asyncio.Task[None] | None = None

    def take(self, target: Target, *, fresh: bool) -> Line:
        """A line to a target, used before or new; it is dialled with its first request."""
        waiting = self._idle.get((target.scheme, target.host, target.port), [])
        for line in waiting if not fresh else ():
            if line.is_reusable():  # the others are left to the sweep
                waiting.remove(line)
                return line
        dial = Dial(target, reach=self._reach, resolve=self._resolve)
        return Line(target, dial=dial, context=self._context)

    async def give_back(self, line: Line) -> None:
        """Keep a line for the next call if it is clean and there is room; else close it."""
        total = sum(map(len, self._idle.values()))
        at_host = len(self._idle.get(line.place, ()))
        if not line.is_reusable() or at_host >= IDLE_PER_HOST or total >= IDLE_TOTAL:
            await line.close()
            return
        self._idle.setdefault(line.place, []).append(line)
        if self._sweeping is None or self._sweeping.done():
            self._sweeping = asyncio.create_task(self._sweep())

    async def close(self) -> None:
        """Close every line that is in no call."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        idle, self._idle = self._idle, {}
        await _close_all(line for waiting in idle.values() for line in waiting)

    async def _sweep(self) -> None:
        while self._idle:
            await asyncio.sleep(IDLE_S)
            stale = [
                line
                for waiting in self._idle.values()
                for line in waiting
                if not line.is_reusable()
            ]
            for line in stale:
                self._idle[line.place].remove(line)
            self._idle = {place: waiting for place, waiting in self._idle.items() if waiting}
            await asyncio.shield(_close_all(stale))  # a call that ends the sweep leaves none open


async def _close_all(lines: Iterable[Line]) -> None:
    await asyncio.gather(*(line.close() for line in lines))
