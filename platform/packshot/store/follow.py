"""Follows the log: brings a view up to the head of one organization's log, stretch by stretch.

The position's row is checkpoint and lease in one: it is locked (or skipped, when another process
has it), the next stretch is applied, the position moved on, and all of it committed at once. So any
number of followers may run, none leads, and one that dies leaves what it had before.
"""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

import asyncpg
import structlog

from domain.ids import OrgId
from packshot.failpoints import failpoint
from packshot.store.pool import Connection, DriverConnection, Pool
from packshot.store.positions import Lag, lag_of
from projections.following import FollowingView

# The events of one stretch: 30 ms of work, which is what a reader of the view may have to wait.
STRETCH = 5000
# What the data of an event can be guilty of. Anything else (a lost connection, a full disk, a
# missing table) is not its fault, and is tried again.
POISON = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)

CLAIM = """
SELECT p.position, h.seq
FROM es.position p JOIN es.tenant_head h ON h.tenant_id = p.tenant_id
WHERE p.tenant_id = $1 AND p.view = $2 AND p.parked_at IS NULL
FOR UPDATE OF p SKIP LOCKED
"""
BEGIN = """
INSERT INTO es.position (tenant_id, view)
SELECT tenant_id, $2 FROM es.tenant_head WHERE tenant_id = $1
ON CONFLICT DO NOTHING RETURNING tenant_id
"""
ADVANCE = "UPDATE es.position SET position = $3 WHERE tenant_id = $1 AND view = $2"
PARK = """
UPDATE es.position SET parked_at = now(), parked_error = $3 WHERE tenant_id = $1 AND view = $2
"""
BEHIND = """
SELECT h.tenant_id
FROM es.tenant_head h LEFT JOIN es.position p ON p.tenant_id = h.tenant_id AND p.view = $1
WHERE h.seq > coalesce(p.position, 0) AND p.parked_at IS NULL
"""

AnyConnection = Connection | DriverConnection

log = structlog.get_logger()


class Copy(Protocol):
    """A table that a view fills, and the name under which its positions are kept.

    A view has one, of its own name; a rebuild makes another beside it.
    """

    @property
    def name(self) -> str:
        """Of the table, and of its positions."""
        ...

    async def apply(
        self, connection: AnyConnection, tenant_id: UUID, *, after: int, through: int
    ) -> None:
        """Bring the table from one position to another.

        Raises one of POISON for an event that the view cannot use.
        """
        ...


@dataclass(frozen=True, slots=True)
class FollowingCopy:
    """A copy of a following view: one statement fills it."""

    view: FollowingView
    name: str

    @classmethod
    def living(cls, view: FollowingView) -> "FollowingCopy":
        """The table that is read."""
        return cls(view, view.name)

    async def apply(
        self, connection: AnyConnection, tenant_id: UUID, *, after: int, through: int
    ) -> None:
        """Run the view's statement over the stretch."""
        statement = self.view.statement.format(table=f"views.{self.name}")
        await connection.execute(statement, tenant_id, after, through)


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did: events applied, and whether there is more to do at once."""

    applied: int = 0
    has_more: bool = False


class Follower:
    """Follows logs on a pool of the projector's role."""

    def __init__(self, pool: Pool, *, stretch: int = STRETCH) -> None:
        self.pool = pool
        self.stretch = stretch

    async def behind(self, view: FollowingView) -> list[UUID]:
        """The organizations with events that the view lacks, but for those that are parked."""
        async with self.pool.acquire() as connection:
            return await behind(connection, FollowingCopy.living(view))

    async def lag(self, view: FollowingView) -> Lag:
        """How far the view is behind, over all organizations."""
        async with self.pool.acquire() as connection:
            return await lag_of(connection, view.name)

    async def step(self, view: FollowingView, tenant_id: UUID) -> Step:
        """Apply the next stretch; does nothing when another process has the organization."""
        async with self.pool.acquire() as connection, connection.transaction():
            return await follow(
                connection, FollowingCopy.living(view), tenant_id, stretch=self.stretch
            )


async def behind(connection: AnyConnection, copy: Copy) -> list[UUID]:
    """The organizations with events that the copy lacks, but for those that are parked."""
    return [row["tenant_id"] for row in await connection.fetch(BEHIND, copy.name)]


async def follow(
    connection: AnyConnection,
    copy: Copy,
    tenant_id: UUID,
    *,
    stretch: int,
    no_further: int | None = None,
) -> Step:
    """Apply the next stretch of at most that many events, inside the caller's transaction.

    ``no_further`` is a position to stop at; None means the head. An event that cannot be applied
    parks the organization, for this view, just before it.
    """
    claimed = await _claim(connection, copy, tenant_id)
    if claimed is None:
        return Step()
    position, head = claimed["position"], min(claimed["seq"], no_further or claimed["seq"])
    if head <= position:  # read before the lock was had: someone else was here meanwhile
        return Step()
    through = await _apply(connection, copy, tenant_id, after=position, head=head, stretch=stretch)
    failpoint("projector.mid_batch")
    if through > position:
        await connection.execute(ADVANCE, tenant_id, copy.name, through)
    return Step(through - position, has_more=position < through < head)


async def _claim(connection: AnyConnection, copy: Copy, tenant_id: UUID) -> asyncpg.Record | None:
    """The position and the head, and with them the lease; None where there is none to be had."""
    claimed = await connection.fetchrow(CLAIM, tenant_id, copy.name)
    if claimed is None and await connection.fetchval(BEGIN, tenant_id, copy.name) is not None:
        claimed = await connection.fetchrow(CLAIM, tenant_id, copy.name)
    return claimed


async def _apply(
    connection: AnyConnection, copy: Copy, tenant_id: UUID, *, after: int, head: int, stretch: int
) -> int:
    """Apply what can be applied of the next stretch and return how far that is.

    A stretch that fails is halved until it holds, or is the one event that cannot be applied.
    """
    through = min(head, after + stretch)
    while True:
        try:
            async with connection.transaction():
                await copy.apply(connection, tenant_id, after=after, through=through)
        except POISON as poison:
            if through == after + 1:
                await _park(connection, copy, tenant_id, position=through, poison=poison)
                return after
            through = after + (through - after) // 2
        else:
            return through


async def _park(
    connection: AnyConnection,
    copy: Copy,
    tenant_id: UUID,
    *,
    position: int,
    poison: asyncpg.PostgresError,
) -> None:
    error = f"{poison.sqlstate} at position {position}: {poison}"
    await connection.execute(PARK, tenant_id, copy.name, error)
    log.error(
        "organization_parked",
        view=copy.name,
        org_id=str(OrgId(tenant_id)),
        position=position,
        error=error,
    )
