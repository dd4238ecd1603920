"""Rebuilds an inline view: its own statement over every append, beside the living table.

Nothing follows an inline view: each append writes its rows. So what is compared is what one moment
of the database shows of both tables, and for the length of the change no log grows: milliseconds,
and where the lock is not to be had at once, it is let go and asked for again.
"""

import re
from asyncio import sleep as wait
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from time import perf_counter
from uuid import UUID

import asyncpg

from domain.errors import Conflict
from domain.ids import OrgId
from packshot.store.append import rows_argument
from packshot.store.events import recorded
from packshot.store.follow import AnyConnection, behind, follow
from packshot.store.places import change_places, drop, finish_indexes, forget, make_beside
from packshot.store.pool import DriverConnection
from packshot.store.rebuild import PARKED, Progress, Rebuilt, alone, logs_of, say_nothing
from projections.projection import InlineView

STRETCH = 2000
# An append that waits for another lock of ours would be the victim of a deadlock after a second:
# we give way before.
PATIENCE = "SET LOCAL lock_timeout = '400ms'"
TRIES = 40
BETWEEN_TRIES_S = 0.25

EVENTS = """
SELECT * FROM es.event
WHERE tenant_id = $1 AND seq > $2 AND seq <= $3 AND type = ANY($4) ORDER BY seq
"""
# Not every column can be hashed by itself (json), but all of them can be written.
DIGEST = """
SELECT count(*), coalesce(sum(hashtextextended(r::text, 0)), 0) FROM {table} r
WHERE tenant_id = $1
"""


@dataclass(frozen=True, slots=True)
class InlineCopy:
    """A copy of an inline view: its statement fills it, append by append, as it did the living."""

    view: InlineView
    name: str

    @property
    def statement(self) -> str:
        """The view's statement, for this table and a head that is given."""
        living = self.view.name
        into = re.sub(
            rf"\bINSERT INTO views\.{living}\b",
            f"INSERT INTO views.{self.name} AS {living}",
            self.view.statement.format(rows="$2::json"),
        )
        read = re.sub(rf"\bviews\.{living}\b", f"views.{self.name}", into)
        return f"WITH head AS (SELECT $1::uuid AS tenant_id) {read}"

    async def apply(
        self, connection: AnyConnection, tenant_id: UUID, *, after: int, through: int
    ) -> None:
        """Run the statement for each append of the stretch that the view hears of."""
        topics = list(self.view.topics)
        events = await connection.fetch(EVENTS, tenant_id, after, through, topics)
        try:
            told = [(tenant_id, rows) for rows in self._rows(events)]
        except (AttributeError, KeyError, TypeError, ValueError) as unusable:
            raise asyncpg.DataError(f"{type(unusable).__name__}: {unusable}") from unusable
        await connection.executemany(self.statement, told)

    def _rows(self, events: Sequence[asyncpg.Record]) -> Iterator[str]:
        for _, append in groupby(events, key=lambda event: event["hash"]):
            rows = [row for event in append for row in self.view.rows(recorded(event))]
            if rows:
                yield rows_argument(rows)


async def rebuild_inline(
    owner_url: str, view: InlineView, *, progress: Progress = say_nothing
) -> Rebuilt:
    """Rebuild an inline view from the logs, as an owner who sees every organization.

    Where a log holds an event that the view cannot use, nothing is changed: such organizations
    are told as parked. Raises Conflict while another rebuild of the view runs, and when the logs
    are too busy to be held for a moment.
    """
    began_s = perf_counter()
    done, copy = Rebuilt(), InlineCopy(view, f"{view.name}_rebuilt")
    async with alone(owner_url, view.name) as owner:
        await make_beside(owner, view.name, copy.name)
        try:
            logs = await logs_of(owner)
            for tenant_id in logs:
                await _catch_up(owner, copy, tenant_id, done=done)
                progress(min(done.events, sum(logs.values())), sum(logs.values()))
            await finish_indexes(owner_url, view.name, copy.name)
            for tenant_id in logs:
                await _compare(owner, copy, tenant_id, done=done)
            async with owner.transaction():
                await owner.execute("SET LOCAL row_security = off")
                done.parked = await _parked(owner, copy)
            if not done.parked:
                await _take_over(owner, copy, done=done)
        finally:
            async with owner.transaction():
                await drop(owner, copy.name)
    done.elapsed_s = perf_counter() - began_s
    return done


async def _catch_up(
    owner: DriverConnection, copy: InlineCopy, tenant_id: UUID, *, done: Rebuilt
) -> None:
    """Bring the copy to the head of an organization's log."""
    has_more = True
    while has_more:
        async with owner.transaction():
            await owner.execute("SET LOCAL row_security = off")
            step = await follow(owner, copy, tenant_id, stretch=STRETCH)
        done.events += step.applied
        has_more = step.has_more


async def _compare(
    owner: DriverConnection, copy: InlineCopy, tenant_id: UUID, *, done: Rebuilt
) -> None:
    """Compare what both tables say of an organization at one moment of its log."""
    async with owner.transaction(isolation="repeatable_read"):
        await owner.execute("SET LOCAL row_security = off")
        step = await follow(owner, copy, tenant_id, stretch=STRETCH)
        done.events += step.applied
        while step.has_more:
            step = await follow(owner, copy, tenant_id, stretch=STRETCH)
            done.events += step.applied
        said = [
            await owner.fetchrow(DIGEST.format(table=f"views.{name}"), tenant_id)
            for name in (copy.view.name, copy.name)
        ]
    done.compared += 1
    if said[0] != said[1]:
        done.different.append(OrgId(tenant_id))


async def _parked(owner: DriverConnection, copy: InlineCopy) -> list[OrgId]:
    return [OrgId(row["tenant_id"]) for row in await owner.fetch(PARKED, copy.name)]


async def _take_over(owner: DriverConnection, copy: InlineCopy, *, done: Rebuilt) -> None:
    """Make the copy the living table while no log grows."""
    for _ in range(TRIES):
        try:
            async with owner.transaction():
                await owner.execute(PATIENCE)
                # As an append does: first the heads, then the view.
                await owner.execute("LOCK TABLE es.tenant_head IN EXCLUSIVE MODE")
                await owner.execute("SET LOCAL row_security = off")
                for tenant_id in await behind(owner, copy):
                    step = await follow(owner, copy, tenant_id, stretch=2**31)
                    done.events += step.applied
                done.parked = await _parked(owner, copy)
                if done.parked:  # by an event of just now
                    return
                await owner.execute("SET LOCAL row_security = on")
                await change_places(owner, copy.view.name, copy.name)
                await forget(owner, copy.view.name)
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            await wait(BETWEEN_TRIES_S)
        else:
            return
    raise Conflict(
        "version_conflict",
        f"The view {copy.view.name} was rebuilt, but is too busy to be exchanged.",
        fix="Try again when less is going on.",
    )
