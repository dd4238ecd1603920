"""The event store: aggregates in and out of the log of one organization at a time."""

import itertools
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar
from uuid import UUID

import asyncpg
import orjson
from eventsourcing.domain import Aggregate

from domain.errors import Conflict, Forbidden, NotFound
from domain.ids import OrgId
from domain.recorded import Context, Recorded
from domain.user import INSTALLATION
from packshot.store.claims import Claim, hold
from packshot.store.codec import Codec, genesis
from packshot.store.composer import Append, Composer
from packshot.store.head import LogHead, Signer
from packshot.store.pool import DriverConnection, Pools
from packshot.store.snapshots import Snapshots
from packshot.store.streams import Streams
from packshot.store.unit import CURRENT, Unit
from projections.projection import InlineView

A = TypeVar("A", bound=Aggregate)

CONFLICT_RETRIES = 3


class EventStore:
    """The log of every organization; each call names the one it is for.

    ``on_append`` hears of the new head of every log that has grown, after the commit.
    """

    def __init__(
        self,
        pools: Pools,
        *,
        codec: Codec,
        views: Sequence[InlineView],
        signer: Signer,
        on_append: Callable[[LogHead], None] = lambda _head: None,
    ) -> None:
        self.pools = pools
        self.codec = codec
        self.composer = Composer(codec, views)
        self.signer = signer
        self.snapshots = Snapshots(pools, codec, key=signer.derived(b"snapshots"))
        self.streams = Streams(pools, codec, self.snapshots)
        self.on_append = on_append

    @asynccontextmanager
    async def together(self) -> AsyncIterator[Unit]:
        """A unit of work: what is saved inside becomes true together, at the end of the block.

        Inside another unit it joins that one, whose end decides.
        """
        joined = CURRENT.get()
        if joined is not None:
            yield joined
            return
        unit = Unit(self.pools)
        token = CURRENT.set(unit)
        try:
            async with unit:
                yield unit
        finally:
            CURRENT.reset(token)

    @asynccontextmanager
    async def alone(self, org_id: OrgId) -> AsyncIterator[Unit]:
        """A unit of work in which nobody else appends to that organization's log.

        What is read of it inside, by any connection, stays as it is until the unit ends: for rules
        about several aggregates, such as that an owner is left. Nothing slow belongs inside.
        """
        async with self.together() as unit:
            connection = await unit.connection()
            await connection.execute(
                "SELECT FROM es.tenant_head WHERE tenant_id = $1 FOR UPDATE", org_id.uuid
            )
            yield unit

    async def admit(self, org_id: OrgId, *, is_open: bool) -> None:
        """Let keys and people write for an organization from now on, or let them not.

        Belongs into the unit of work of the event that says so.
        """
        async with self.together() as unit:
            connection = await unit.connection()
            await connection.execute(
                "UPDATE es.tenant_head SET admits = $2 WHERE tenant_id = $1", org_id.uuid, is_open
            )

    def when_true(self, callback: Callable[[], None]) -> None:
        """Call this when what was saved is committed: now, or at the end of the unit of work."""
        unit = CURRENT.get()
        if unit is None:
            callback()
        else:
            unit.afterwards(callback)

    async def save(self, context: Context, *aggregates: Aggregate) -> LogHead:
        """Append what the aggregates collected, in one statement and one round trip.

        Raises Conflict when another writer was first, Forbidden when the organization is closed.
        What was not saved stays with the aggregates: when the database went away in between, the
        same call again either appends it or raises Conflict, because it was there already. Inside
        a unit of work it is appended there, and true when the unit is.
        """
        append = self.composer.compose(context, aggregates)
        unit = CURRENT.get()
        with _settling(aggregates):
            if unit is not None:
                head = await self._run(await unit.connection(), append)
            else:
                async with self.pools.writing() as connection:
                    head = await self._run(connection, append)
        self.when_true(lambda: self.on_append(head))
        return head

    async def open_log(
        self, context: Context, *aggregates: Aggregate, claims: Sequence[Claim] = ()
    ) -> LogHead:
        """Begin a new organization's log with its first events; raises Taken for a held claim."""
        append = self.composer.compose(context, aggregates)
        with _settling(aggregates):
            async with self.pools.writing() as connection, connection.transaction():
                await hold(connection, append.tenant_id, claims=claims)
                await connection.execute(
                    "INSERT INTO es.tenant_head (tenant_id, hash) VALUES ($1, $2)",
                    append.tenant_id,
                    genesis(append.tenant_id),
                )
                head = await self._run(connection, append)
        self.on_append(head)
        return head

    async def open_installation(self, connection: DriverConnection) -> None:
        """Begin the log of the installation in the caller's transaction, if it has none."""
        await connection.execute(
            """
            INSERT INTO es.tenant_head (tenant_id, hash) VALUES ($1, $2)
            ON CONFLICT (tenant_id) DO NOTHING
            """,
            INSTALLATION.uuid,
            genesis(INSTALLATION.uuid),
        )

    async def load(
        self,
        kind: type[A],
        *,
        org_id: OrgId,
        stream_id: UUID,
        up_to: int | None = None,
        at: int | None = None,
    ) -> A:
        """The aggregate as its events tell it, up to a version, a position or to this day.

        Raises NotFound when it has none.
        """
        folded = await self.streams.load(org_id, [stream_id], up_to=up_to, at=at)
        aggregate = folded.get(stream_id)
        if not isinstance(aggregate, kind):
            raise NotFound("not_found", "There is no such thing.")
        return aggregate

    async def load_many(
        self, kind: type[A], *, org_id: OrgId, stream_ids: Sequence[UUID], at: int | None = None
    ) -> list[A]:
        """The aggregates of these ids in their order; ids that name none are left out.

        They are as of a position of the log; None: today.
        """
        if not stream_ids:
            return []
        folded = await self.streams.load(org_id, stream_ids, at=at)
        found = (folded.get(stream_id) for stream_id in stream_ids)
        return [aggregate for aggregate in found if isinstance(aggregate, kind)]

    async def change(
        self, context: Context, kind: type[A], *, stream_id: UUID, verb: Callable[[A], None]
    ) -> LogHead:
        """Load, do the verb, save; again on what a quicker writer left, at most three times."""
        for attempt in itertools.count(1):
            aggregate = await self.load(kind, org_id=context.org_id, stream_id=stream_id)
            verb(aggregate)
            try:
                async with self._an_attempt():
                    return await self.save(context, aggregate)
            except Conflict:
                if attempt > CONFLICT_RETRIES:
                    raise
        raise AssertionError("unreachable: the loop returns or raises")

    @asynccontextmanager
    async def _an_attempt(self) -> AsyncIterator[None]:
        """Inside a unit of work, a savepoint: a conflict must not end the whole transaction."""
        unit = CURRENT.get()
        if unit is None:
            yield
            return
        connection = await unit.connection()
        async with connection.transaction():
            yield

    async def read(self, org_id: OrgId, *, after: int = 0, limit: int = 500) -> list[Recorded]:
        """At most ``limit`` events after a position, in order."""
        async with self.pools.reading(org_id) as connection:
            rows = await connection.fetch(
                "SELECT * FROM es.event WHERE tenant_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
                org_id.uuid,
                after,
                limit,
            )
        return [recorded(row) for row in rows]

    async def _run(self, connection: DriverConnection, append: Append) -> LogHead:
        try:
            row = await connection.fetchrow(append.statement, *append.arguments)
        except asyncpg.UniqueViolationError as violation:
            if violation.constraint_name != "event_stream_version":
                raise
            raise Conflict(
                "version_conflict",
                "Somebody else changed this at the same time.",
                fix="Read it again and repeat the change.",
            ) from violation
        if row is None:
            raise shut()
        return LogHead(
            OrgId(append.tenant_id), row["seq"], row["hash"], self.signer, append.newest_event_id
        )


def shut(reason: str | None = None) -> Forbidden:
    """The refusal of whatever is asked of an organization that is suspended or closed."""
    return Forbidden(
        "org_suspended",
        "Nothing can be done for this organization: it is "
        + ("closed, suspended or frozen." if reason is None else reason),
        fix="Ask the operator of this installation.",
    )


@contextmanager
def _settling(aggregates: Sequence[Aggregate]) -> Iterator[None]:
    """Take what was saved off the aggregates when it is in the log, and not before."""
    counts = [len(aggregate.pending_events) for aggregate in aggregates]
    yield
    for aggregate, count in zip(aggregates, counts, strict=True):
        del aggregate.pending_events[:count]


def recorded(row: asyncpg.Record) -> Recorded:
    """The event of a row of es.event."""
    return Recorded(
        stream_id=row["stream_id"],
        version=row["version"],
        event_id=row["event_id"],
        type=row["type"],
        data=orjson.loads(row["data"]),
        meta=orjson.loads(row["meta"]),
        at=row["at"],
        org_id=OrgId(row["tenant_id"]),
        position=row["seq"],
    )
