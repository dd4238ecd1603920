"""The relay's use case: gives due jobs to the broker, fairly, and takes back what got lost.

Only a few jobs lie with the broker at a time, the rest waits in the database: there an
organization that asks for thousands cannot push another's one job to the end of the line.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeAlias
from uuid import UUID

import structlog

from domain.errors import Unavailable
from packshot.failpoints import failpoint
from packshot.store import jobrelay
from packshot.store.jobrelay import Due
from packshot.store.pool import DriverConnection, Pools

# Unclaimed jobs at the broker: enough that no worker waits for the relay, and no more. A relay's
# round takes about 10 ms; as many as are being worked on can end within it.
LEAST_WINDOW = 4
MOST_AT_ONCE = 16
LOOK_AFTER_S = 0.25  # for what got lost or has become due: these need no haste
LOOK_EVERY_S = 1.0
# After jobs were sent: workers claim them within their own look at the broker, and then there is
# room for more. The ends of jobs come sooner and wake the relay by themselves.
LOOK_AGAIN_S = 0.05
SWEEP_EVERY_S = 60.0
MOST_SWEPT = 1000  # by one sweep of the store

Sweep: TypeAlias = Callable[[], Awaitable[int]]

log = structlog.get_logger()


@dataclass(slots=True)
class Relay:
    """Passes due jobs on. ``send`` gives them to the broker and raises OSError when it is away."""

    pools: Pools
    send: Callable[[Sequence[Due]], Awaitable[None]]
    sweeps: Sequence[Sweep] = ()
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    _after: UUID | None = None
    _looked_s: float = 0.0
    _swept_s: float = float("-inf")

    async def run(self, stop: asyncio.Event) -> None:
        """Pass jobs on until told to stop; what is away is waited for."""
        while not stop.is_set():
            self.woken.clear()
            try:
                sent = await self.round()
            except (Unavailable, OSError) as outage:
                log.warning("relay_waits", reason=str(outage.__cause__ or outage)[:200])
                sent = 0
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_AGAIN_S if sent else LOOK_EVERY_S):
                    await self.woken.wait()

    async def round(self) -> int:
        """One look at the queue; returns how many jobs were given to the broker."""
        now_s = time.monotonic()
        async with self.pools.writing() as connection:
            if now_s - self._looked_s >= LOOK_AFTER_S:
                self._looked_s = now_s
                await jobrelay.wake_scheduled(connection)
                await jobrelay.take_back_unclaimed(connection)
                await jobrelay.take_back_lost(connection)
            under_way = await jobrelay.count_under_way(connection)
            room = max(LEAST_WINDOW, under_way.leased) - under_way.sent
            due = await self._next(connection, min(room, MOST_AT_ONCE)) if room > 0 else []
        if due:
            await self.send(due)
            failpoint("relay.after_send")
            failpoint("relay.before_mark")
            async with self.pools.writing() as connection:
                await jobrelay.mark_sent(connection, due)
        if now_s - self._swept_s >= SWEEP_EVERY_S:
            swept = [await sweep() for sweep in self.sweeps]
            # Jobs do not wait for a long sweep: it stops there, and the next round goes on.
            has_more = max(swept, default=0) >= MOST_SWEPT
            self._swept_s = float("-inf") if has_more else now_s
        return len(due)

    async def _next(self, connection: DriverConnection, room: int) -> list[Due]:
        """Due jobs, going round the organizations from where the last round stopped.

        Those behind that place get their turn when nobody is left before the end.
        """
        due = await jobrelay.next_in_turn(connection, after=self._after, most=room)
        if not due and self._after is not None:
            due = await jobrelay.next_in_turn(connection, after=None, most=room)
        self._after = max((job.org_id.uuid for job in due), default=None)
        return due
