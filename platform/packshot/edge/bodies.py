"""Request bodies that are pulled: nothing is read from the socket before somebody asks for it.

Quart pushes what arrives into a growing buffer (300 MB sent grew the process by 651 MB) and counts
a chunked body only while it lies there. Here the one who reads pulls each piece from the server,
whose queue holds at most ten of 256 KiB: a slow disk slows the sender, and memory stays bounded.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Generator
from typing import Any, TypeVar

from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable
from quart.asgi import ASGIHTTPConnection
from quart.wrappers import Request
from quart.wrappers.request import Body

from domain.errors import InvalidInput

# A sender may be slow but not asleep: this long at first, and one second more for each piece of
# this size that came (a 50 MB upload at 1 Mbit/s passes, one byte a second does not).
PATIENCE_S = 30.0
BYTES_PER_SECOND = 64 * 1024


AnswerT = TypeVar("AnswerT")


class ClientGone(Exception):
    """The client closed the connection before its body was complete."""


class PulledBody(Body):
    """A body read piece by piece, or whole with ``await``; it is read once.

    Raises ClientGone when the client leaves and InvalidInput when it sends too slowly or more
    than Quart's MAX_CONTENT_LENGTH allows (uploads set their own, larger cap and count themselves).
    """

    def __init__(self, expected_content_length: int | None, max_content_length: int | None) -> None:
        super().__init__(expected_content_length, None)
        self.expected_bytes = expected_content_length
        self.max_bytes = max_content_length
        self.is_finished = False
        self.received_bytes = 0
        self._receive: ASGIReceiveCallable | None = None

    def pull_from(self, receive: ASGIReceiveCallable) -> None:
        """Read from this side of the server's queue."""
        self._receive = receive

    async def pieces(self) -> AsyncIterator[bytes]:
        """Each piece as it arrives, without a cap: whoever iterates counts."""
        assert self._receive is not None
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        while not self.is_finished:
            deadline_s = began_s + PATIENCE_S + self.received_bytes / BYTES_PER_SECOND
            try:
                async with asyncio.timeout_at(deadline_s):
                    message = await self._receive()
            except TimeoutError:
                raise _too_slow() from None
            if message["type"] != "http.request":
                raise ClientGone
            self.is_finished = not message.get("more_body", False)
            piece = message.get("body", b"")
            if piece:
                self.received_bytes += len(piece)
                yield piece

    async def client_leaves(self) -> None:
        """Return when the client has closed the connection; what it still sends is forgotten."""
        assert self._receive is not None
        while (await self._receive())["type"] == "http.request":
            pass

    async def read_whole(self) -> bytes:
        """The whole body, refused above ``max_bytes``."""
        whole = bytearray(self._data)  # what a test or a caller of set_result put there
        if self._receive is not None:
            self._refuse_above(self.expected_bytes or 0)
            async for piece in self.pieces():
                whole += piece
                self._refuse_above(len(whole))
        self._data = whole
        self._complete.set()
        return bytes(whole)

    def _refuse_above(self, size_bytes: int) -> None:
        if self.max_bytes is not None and size_bytes > self.max_bytes:
            raise InvalidInput(
                "file_too_large",
                f"This body may hold {self.max_bytes} bytes.",
                allowed={"max": self.max_bytes},
            )

    def __await__(self) -> Generator[Any, None, bytes]:
        return self.read_whole().__await__()

    async def __anext__(self) -> bytes:
        """Quart's form parser iterates the body: one piece, the whole."""
        if self.is_finished:
            raise StopAsyncIteration
        return await self.read_whole()


class PulledRequest(Request):
    """A request whose body is pulled."""

    body_class = PulledBody
    body: PulledBody


class PullingConnection(ASGIHTTPConnection):
    """Handles a request in the server's own task: no pump beside it, and nothing to cancel.

    Whoever works long watches for the client's leaving itself (``unless_client_leaves``).
    """

    async def __call__(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Handle one request."""
        request = self._create_request_from_scope(send)
        request.body.pull_from(receive)  # type: ignore[attr-defined] # body_class is ours
        await self.handle_request(request, send)


async def unless_client_leaves(body: PulledBody, work: Coroutine[Any, Any, AnswerT]) -> AnswerT:
    """The result of the work, which is cancelled with ClientGone when the client leaves first.

    What must not be cut off (the first write to the commit) shields itself.
    """
    worker = asyncio.create_task(work)
    watcher = asyncio.create_task(body.client_leaves())
    try:
        await asyncio.wait((worker, watcher), return_when=asyncio.FIRST_COMPLETED)
        if not worker.done():
            raise ClientGone
        return worker.result()
    finally:
        for task in (worker, watcher):
            task.cancel()
        await asyncio.gather(worker, watcher, return_exceptions=True)


def _too_slow() -> InvalidInput:
    return InvalidInput(
        "malformed_request",
        "The body stopped arriving before it was complete.",
        fix="Send the whole body without long pauses.",
        headers={"connection": "close"},
    )
