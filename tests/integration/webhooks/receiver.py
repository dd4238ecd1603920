"""A receiver of webhooks on loopback, and what it was told."""

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from integration.outbound.servers import answer, listening

OK = answer()


@dataclass(frozen=True, slots=True)
class Told:
    """One request of a sender."""

    headers: dict[str, str]
    body: bytes

    @property
    def message_id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.body)
        return told

    @classmethod
    def read(cls, request: bytes) -> "Told":
        head, _, body = request.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")[1:]
        pairs = (line.partition(":") for line in lines)
        return cls({name.lower(): value.strip() for name, _, value in pairs}, body)


@dataclass(slots=True)
class Receiver:
    """What it answers is taken from ``answers`` in turn, the last one for ever.

    None resets the connection; ``hold`` is waited for before an answer.
    """

    port: int = 0
    answers: list[bytes | None] = field(default_factory=lambda: [OK])
    hold: Callable[[], Awaitable[object]] | None = None
    told: list[Told] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks/of-acme?token=s3cr3t"

    @property
    def ids(self) -> list[str]:
        return [told.message_id for told in self.told]


@asynccontextmanager
async def receiving(*answers: bytes | None) -> AsyncIterator[Receiver]:
    """A receiver that answers these, by default 200."""
    receiver = Receiver()
    if answers:
        receiver.answers = list(answers)

    async def handle(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        receiver.told.append(Told.read(listener.asked.pop(0)))
        receiver.at_once += 1
        receiver.most_at_once = max(receiver.most_at_once, receiver.at_once)
        try:
            if receiver.hold is not None:
                await receiver.hold()
        finally:
            receiver.at_once -= 1
        said = receiver.answers.pop(0) if len(receiver.answers) > 1 else receiver.answers[0]
        if said is None:
            reset(writer)
            raise ConnectionError
        writer.write(said)
        await writer.drain()

    async with listening(handle) as listener:
        receiver.port = listener.port
        yield receiver


def reset(writer: asyncio.StreamWriter) -> None:
    """Break the connection as a crashed host does: with RST in place of FIN."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def silence() -> None:
    """Never answer."""
    await asyncio.Event().wait()
