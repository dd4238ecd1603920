"""Looking up names with the system's resolver, beside the event loop and for a limited time."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from threading import Thread

from integrations.failures import OutboundFailed

Resolve = Callable[[str], Awaitable[Sequence[str]]]
"""From a host name to all of its addresses, as text; raises OutboundFailed("unresolved")."""

LOOKUP_S = 5.0
LOOKUPS_AT_ONCE = 32


class SystemNames:
    """getaddrinfo, which reads /etc/hosts and the machine's name servers.

    Each lookup has a thread of its own: it cannot be cancelled, and a thread of the pool that
    waits for a stranger's name server would keep the whole process from ending.
    """

    def __init__(self) -> None:
        self._room = asyncio.Semaphore(LOOKUPS_AT_ONCE)

    async def __call__(self, host: str) -> Sequence[str]:
        """Every address of a host; raises OutboundFailed("unresolved") after 5 s at the latest."""
        try:
            async with asyncio.timeout(LOOKUP_S):
                await self._room.acquire()
                return await self._look_up(host)
        except (OSError, UnicodeError):  # TimeoutError is an OSError
            raise OutboundFailed("unresolved") from None

    async def _look_up(self, host: str) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Sequence[str]] = loop.create_future()

        def end(addresses: Sequence[str], error: Exception | None) -> None:
            self._room.release()
            if answer.done():  # nobody waits any more
                return
            if error is None:
                answer.set_result(addresses)
            else:
                answer.set_exception(error)

        def look_up() -> None:
            addresses: Sequence[str] = ()
            error: Exception | None = None
            try:
                found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
                addresses = [str(entry[4][0]) for entry in found]
            except (OSError, UnicodeError) as raised:
                error = raised
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(end, addresses, error)

        Thread(target=look_up, name="packshot-lookup", daemon=True).start()
        return await answer
