"""Who waits for which job to end: hears of endings through Valkey and lets the waiters go on.

Hearing is quick and may fail; a waiter also looks for itself now and then.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from domain.ids import JobId
from packshot.store.wake import listen, stop_listening

MOST_WAITERS = 256


@dataclass(slots=True, eq=False)
class Ending:
    """A job's end, as one waiter sees it."""

    heard: asyncio.Event = field(default_factory=asyncio.Event)

    async def within(self, seconds: float) -> None:
        """Return when the end was heard of, at the latest after that many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.heard.wait()
        self.heard.clear()


class Endings:
    """The waiters of this process; it listens from the first of them on."""

    def __init__(self, redis_url: str) -> None:
        self._redis_url = redis_url
        self._waiting: dict[str, set[Ending]] = {}
        self._listener: asyncio.Task[None] | None = None
        self.has_given_up = False

    @property
    def is_full(self) -> bool:
        """Whether one more waiter is one too many: each looks at the database every second."""
        return sum(map(len, self._waiting.values())) >= MOST_WAITERS

    @contextmanager
    def watched(self, job_id: JobId) -> Iterator[Ending]:
        """Hear of a job's end for the length of a block."""
        if self._listener is None:
            self._listener = asyncio.create_task(self._listen())
        ending = Ending()
        self._waiting.setdefault(str(job_id), set()).add(ending)
        try:
            yield ending
        finally:
            waiting = self._waiting[str(job_id)]
            waiting.discard(ending)
            if not waiting:
                del self._waiting[str(job_id)]

    def give_up(self) -> None:
        """Let every waiter go on now, and no later one wait: the process is to end."""
        self.has_given_up = True
        for waiting in self._waiting.values():
            for ending in waiting:
                ending.heard.set()

    async def close(self) -> None:
        """Stop listening."""
        if self._listener is not None:
            await stop_listening(self._listener)

    async def _listen(self) -> None:
        async for job_id in listen(self._redis_url, "ended"):
            for ending in self._waiting.get(job_id, ()):
                ending.heard.set()
