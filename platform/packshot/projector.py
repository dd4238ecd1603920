"""The projector process: keeps every following view up to the logs, and on a signal ends tidily.

It also makes the checkpoints of the logs (``commands/checkpoints.py``).

Any number of them may run: each organization's position is a lease as well (``store/follow.py``).
A wake-up says which log has grown; what no wake-up told is found by looking every second.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import structlog
import uvloop

from domain.ids import OrgId
from integrations.http import OutboundFailed
from packshot.config import Settings
from packshot.edge.logs import configure_logs, log_unhandled
from packshot.signals import tell_started, told_to_stop
from packshot.store.backlog import Backlog
from packshot.store.follow import Follower
from packshot.store.pool import OUTAGES, STATEMENT_TIMEOUT_S, open_projector_pool
from packshot.store.wake import listen, stop_listening
from packshot.wiring import FOLLOWING_VIEWS, open_checkpoints
from projections.following import FollowingView

LOOK_EVERY_S = 1.0
LAG_EVERY_LOOKS = 10
TOO_LONG_BEHIND_S = 30.0
LANES = 4
CHECKPOINTS_EVERY_S = 1.0
# The other side, or the disk, which trying again later may find mended.
TRY_AGAIN_S = 30.0
# The database's side of a failure, which looking again may find mended.
TROUBLE = (*OUTAGES, asyncpg.PostgresError)

log = structlog.get_logger()


def run_projector(settings: Settings) -> None:
    """Follow the logs until SIGTERM or SIGINT; returns when what was begun is committed."""
    configure_logs()
    uvloop.run(_run(settings))


class Projector:
    """Follows every log for every view."""

    def __init__(
        self, follower: Follower, views: Sequence[FollowingView], *, wakes: AsyncIterator[str]
    ) -> None:
        """Take ``wakes``, the public ids of organizations whose log has grown."""
        self.follower = follower
        self.views = views
        self.wakes = wakes
        self.backlog = Backlog()
        self._told_to_stop = asyncio.Event()
        self._trouble: str | None = None

    async def run(self, *, until: Callable[[], Awaitable[object]]) -> None:
        """Follow until ``until`` returns, then finish what was begun: no statement is cancelled."""
        stopping, listening = asyncio.ensure_future(until()), asyncio.create_task(self._listen())
        working = [asyncio.create_task(self._look())]
        working += [asyncio.create_task(self._follow()) for _ in range(LANES)]
        try:
            everything = [stopping, listening, *working]
            done, _ = await asyncio.wait(everything, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            self._told_to_stop.set()
            self.backlog.close()
            await stop_listening(listening)
            await asyncio.gather(*working, return_exceptions=True)
        for task in done - {stopping}:
            task.result()  # only a fault of ours ends a task of its own accord

    async def _listen(self) -> None:
        async for told in self.wakes:
            with suppress(ValueError):  # anybody may publish; only an id is a wake-up
                self.backlog.mark(OrgId.parse(told).uuid)

    async def _look(self) -> None:
        for looks in itertools.count():
            try:
                for view in self.views:
                    for tenant_id in await self.follower.behind(view):
                        self.backlog.mark(tenant_id)
                    if looks % LAG_EVERY_LOOKS == 0:
                        await self._watch_lag(view)
                self._is_well()
            except TROUBLE as trouble:
                self._is_troubled(trouble)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._told_to_stop.wait()
                return

    async def _follow(self) -> None:
        """One lane: an organization at a time, a stretch of each view, and to the end of the line.

        What fails is looked for again with everything else, so one that fails holds up no other.
        """
        async for tenant_id in self.backlog:
            has_more = False
            try:
                has_more = await self._step(tenant_id)
            except TROUBLE as trouble:
                self._is_troubled(trouble)
            finally:
                self.backlog.done(tenant_id, again=has_more)

    async def _step(self, tenant_id: UUID) -> bool:
        steps = [await self.follower.step(view, tenant_id) for view in self.views]
        return any(step.has_more for step in steps)

    async def _watch_lag(self, view: FollowingView) -> None:
        lag = await self.follower.lag(view)
        if lag.oldest_at is None:
            return
        behind_s = (datetime.now(UTC) - lag.oldest_at).total_seconds()
        if behind_s > TOO_LONG_BEHIND_S:
            log.warning(
                "projection_lagging",
                view=view.name,
                events=lag.events,
                organizations=lag.organizations,
                worst=str(lag.worst),
                behind_s=round(behind_s, 1),
                parked=lag.parked,
            )

    def _is_troubled(self, trouble: BaseException) -> None:
        """Say once what is wrong, not once for every organization and second."""
        told = f"{type(trouble).__name__}: {trouble}"
        if told != self._trouble:
            self._trouble = told
            log.error("projector_troubled", error=told)

    def _is_well(self) -> None:
        if self._trouble is not None:
            self._trouble = None
            log.info("projector_recovered")


async def _run(settings: Settings) -> None:
    asyncio.get_running_loop().set_exception_handler(log_unhandled)
    stop = told_to_stop()
    async with open_projector_pool(
        settings.projector_database_url, size=LANES + 2, statement_timeout_s=STATEMENT_TIMEOUT_S
    ) as pool:
        projector = Projector(
            Follower(pool), FOLLOWING_VIEWS, wakes=listen(settings.redis_url, "log")
        )
        async with open_checkpoints(settings, pool) as checkpoints:
            tell_started()
            log.info("projector_started", views=[view.name for view in FOLLOWING_VIEWS])
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(projector.run(until=stop.wait))
                tasks.create_task(_keep(checkpoints.make, "checkpoints_not_made", stop))
                tasks.create_task(_keep(checkpoints.post, "checkpoints_not_posted", stop))
    log.info("projector_stopped")


async def _keep(work: Callable[[], Awaitable[int]], failure: str, stop: asyncio.Event) -> None:
    """Do a round again and again until told to stop; a failure is said once, until it is over."""
    said: str | None = None
    while not stop.is_set():
        pause_s = CHECKPOINTS_EVERY_S
        try:
            await work()
            said = None
        except (*TROUBLE, OSError, OutboundFailed) as trouble:
            pause_s, before = TRY_AGAIN_S, said
            said = f"{type(trouble).__name__}: {trouble}"
            if said != before:
                log.error(failure, error=said)  # noqa: TRY400 - not a fault of ours to trace
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await stop.wait()
