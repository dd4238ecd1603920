"""Rebuilds a following view beside the living one, compares the two, and changes places.

Readers see the old table until the moment of the change, appends go on all the while, and no
position that a reader was shown goes back.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any
from uuid import UUID

import asyncpg

from domain.errors import Conflict
from domain.ids import OrgId
from packshot.store.follow import AnyConnection, Copy, FollowingCopy, behind, follow
from packshot.store.places import as_projector, change_places, finish_indexes, make_beside
from packshot.store.pool import Connection, DriverConnection, Pool, open_projector_pool
from packshot.store.positions import POSITION
from projections.following import FollowingView

LANES = 2  # while one log's stretch is applied, the next is being asked for
STRETCH = 20_000
REBUILD_LOCK = 0x72656275  # "rebu"

TENANTS = "SELECT tenant_id, seq FROM es.tenant_head ORDER BY seq DESC"
HOLD = """
SELECT position FROM es.position
WHERE tenant_id = $1 AND view = $2 AND parked_at IS NULL FOR UPDATE
"""
PARKED = "SELECT tenant_id FROM es.position WHERE view = $1 AND parked_at IS NOT NULL"
DIGEST = """
SELECT count(*), coalesce(sum(hash_record_extended(r, 0)), 0) FROM {table} r WHERE tenant_id = $1
"""


# Hears how many events are applied, and of how many.
Progress = Callable[[int, int], None]


def say_nothing(_done: int, _total: int) -> None:
    """Progress that nobody watches."""


@dataclass(slots=True)
class Rebuilt:
    """What a rebuild did.

    ``events`` were applied; ``compared`` organizations had living rows that were whole, and those
    of ``different`` said something else than the log does. ``parked`` are the organizations whose
    log the view cannot follow.
    """

    events: int = 0
    compared: int = 0
    different: list[OrgId] = field(default_factory=list)
    parked: list[OrgId] = field(default_factory=list)
    elapsed_s: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """The figures, JSON-native."""
        return {
            "events": self.events,
            "elapsedS": round(self.elapsed_s, 3),
            "compared": self.compared,
            "different": [str(org_id) for org_id in self.different],
            "parked": [str(org_id) for org_id in self.parked],
        }

    def __str__(self) -> str:
        """The figures as a person reads them."""
        rate = self.events / self.elapsed_s if self.elapsed_s else 0
        lines = [
            f"{self.events} events in {self.elapsed_s:.1f} s ({rate:,.0f} a second)",
            f"{self.compared} organizations compared, {len(self.different)} differed",
        ]
        differed = (f"{org_id} differed and is now what its log says" for org_id in self.different)
        parked = (f"{org_id} is parked: its log holds an unusable event" for org_id in self.parked)
        return "\n".join([*lines, *differed, *parked])


async def rebuild(
    owner_url: str,
    view: FollowingView,
    *,
    stretch: int = STRETCH,
    progress: Progress = say_nothing,
) -> Rebuilt:
    """Rebuild a following view from the logs, as the owner of the schema.

    ``progress`` hears how many events of how many are applied. Raises Conflict while another
    rebuild of the same view runs. One that was killed leaves a table and positions that nobody
    looks at; the next one removes them.
    """
    began_s = perf_counter()
    living, copy = FollowingCopy.living(view), FollowingCopy(view, f"{view.name}_rebuilt")
    work = _Rebuilding(living, copy, stretch)
    async with (
        alone(owner_url, view.name) as owner,
        open_projector_pool(owner_url, size=LANES) as pool,
    ):
        await make_beside(owner, living.name, copy.name)
        tenants = await logs_of(pool)
        work.tell = _of(sum(tenants.values()), progress)
        await _in_lanes(pool, list(tenants), work.catch_up)
        await finish_indexes(owner_url, living.name, copy.name)
        await _in_lanes(pool, list(tenants), work.compare)
        async with owner.transaction():
            # Whoever follows waits here until the tables have changed places.
            await owner.execute("LOCK TABLE es.position IN EXCLUSIVE MODE")
            async with as_projector(owner):
                for tenant_id in await behind(owner, copy):
                    await work.catch_up(owner, tenant_id)
                parked = await owner.fetch(PARKED, copy.name)
            await change_places(owner, living.name, copy.name)
    work.done.parked = [OrgId(row["tenant_id"]) for row in parked]
    work.done.elapsed_s = perf_counter() - began_s
    return work.done


async def logs_of(connection: "Pool | AnyConnection") -> dict[UUID, int]:
    """Every log's organization and length, the longest first."""
    return {row["tenant_id"]: row["seq"] for row in await connection.fetch(TENANTS)}


def _of(total: int, progress: Progress) -> Callable[[int], None]:
    return lambda done: progress(min(done, total), total)


@dataclass(slots=True)
class _Rebuilding:
    """The steps of a rebuild for one organization at a time."""

    living: Copy
    copy: Copy
    stretch: int
    done: Rebuilt = field(default_factory=Rebuilt)
    tell: Callable[[int], None] = field(default=lambda _done: None)

    async def catch_up(self, connection: AnyConnection, tenant_id: UUID) -> None:
        """Bring the copy to the head of the organization's log."""
        has_more = True
        while has_more:
            async with connection.transaction():
                step = await follow(connection, self.copy, tenant_id, stretch=self.stretch)
            self.done.events += step.applied
            self.tell(self.done.events)
            has_more = step.has_more

    async def compare(self, connection: AnyConnection, tenant_id: UUID) -> None:
        """Bring both tables to one position and compare what they say, while nobody else may."""
        async with connection.transaction():
            held = await connection.fetchval(HOLD, tenant_id, self.living.name)
            built = await connection.fetchval(HOLD, tenant_id, self.copy.name)
            if held is None or built is None:
                return  # parked, or never followed: there is nothing whole to compare
            for one in (self.living, self.copy):
                await self._bring(connection, one, tenant_id, to=max(held, built))
            said = [
                await self._said(connection, one, tenant_id) for one in (self.living, self.copy)
            ]
        self.done.compared += 1
        if said[0] != said[1]:
            self.done.different.append(OrgId(tenant_id))

    async def _bring(
        self, connection: AnyConnection, one: Copy, tenant_id: UUID, *, to: int
    ) -> None:
        has_more = True
        while has_more:
            step = await follow(connection, one, tenant_id, stretch=self.stretch, no_further=to)
            has_more = step.has_more

    async def _said(
        self, connection: AnyConnection, one: Copy, tenant_id: UUID
    ) -> tuple[object, ...]:
        """The position of a table, how many rows it has, and the sum of their hashes."""
        digest = await connection.fetchrow(DIGEST.format(table=f"views.{one.name}"), tenant_id)
        assert digest is not None  # an aggregate always gives a row
        return (await connection.fetchval(POSITION, tenant_id, one.name), *digest.values())


@asynccontextmanager
async def alone(owner_url: str, view: str) -> AsyncIterator[DriverConnection]:
    """A connection of the owner, who rebuilds this view alone; raises Conflict."""
    owner = await asyncpg.connect(owner_url)
    try:
        lock = "SELECT pg_try_advisory_lock($1, hashtext($2))"
        if not await owner.fetchval(lock, REBUILD_LOCK, view):
            raise Conflict(
                "version_conflict",
                f"The view {view} is being rebuilt already.",
                fix="Wait for the other rebuild to end.",
            )
        yield owner
    finally:
        await owner.close()


async def _in_lanes(
    pool: Pool,
    tenants: Sequence[UUID],
    work: Callable[[Connection, UUID], Awaitable[None]],
) -> None:
    """Do the work for each organization, several at a time, each lane on its own connection."""
    waiting = iter(tenants)

    async def lane() -> None:
        async with pool.acquire() as connection:
            for tenant_id in waiting:
                await work(connection, tenant_id)

    async with asyncio.TaskGroup() as lanes:
        for _ in range(LANES):
            lanes.create_task(lane())
