"""Servers for the outbound client: each says exactly the bytes it is given, on loopback."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(slots=True)
class Listener:
    """A listening socket: how often somebody connected, and the heads of what they asked."""

    port: int = 0
    connections: int = 0
    asked: list[bytes] = field(default_factory=list)
    closed: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def listening(
    handler: Handler | None = None, *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Listener]:
    """A server on 127.0.0.1 that handles one request after the other on each connection."""
    listener = Listener()
    tasks: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        listener.connections += 1
        # A handler that was cancelled would be logged as broken: it ends like any other.
        with suppress(asyncio.CancelledError, asyncio.IncompleteReadError, OSError):
            while handler is not None:
                listener.asked.append(await read_request(reader))
                await handler(reader, writer)
        writer.close()
        listener.closed.set()
        with suppress(asyncio.CancelledError, OSError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    listener.port = server.sockets[0].getsockname()[1]
    try:
        yield listener
    finally:
        server.close()
        for task in tasks:
            if task is not None:
                task.cancel()
        await asyncio.gather(*(task for task in tasks if task), return_exceptions=True)


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """The head and the body of a request."""
    head = await reader.readuntil(b"\r\n\r\n")
    lengths = [
        int(line.partition(b":")[2])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    ]
    return head + await reader.readexactly(sum(lengths))


def saying(*pieces: bytes, close: bool = False) -> Handler:
    """A handler that answers these bytes, and then hangs up or waits for the next request."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        if close:
            raise ConnectionError

    return handle


def saying_for_ever(head: bytes, piece: bytes, *, pause_s: float = 0.0) -> Handler:
    """A handler that never ends its answer."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s)

    return handle


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A handler that never answers."""
    await reader.read()


def answer(body: bytes = b"ok", *, status: str = "200 OK", headers: Sequence[str] = ()) -> bytes:
    """A whole response."""
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body
