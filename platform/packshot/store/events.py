"""The event store: aggregates in and out of the log of one organization at a time."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import orjson
from eventsourcing.domain import Aggregate
from uuid_utils.compat import uuid7

from domain.errors import Conflict, Forbidden, NotFound
from domain.ids import OrgId
from domain.recorded import Context, Happened, Recorded
from packshot.store.append import append_arguments, append_statement, rows_argument
from packshot.store.codec import Codec, digest, genesis
from packshot.store.head import LogHead, Signer
from packshot.store.pool import DriverConnection, Pools
from projections.projection import InlineView

A = TypeVar("A", bound=Aggregate)

CONFLICT_RETRIES = 3


@dataclass(frozen=True, slots=True, order=True)
class Claim:
    """A value that only one organization may hold, such as a key's kid."""

    kind: str
    value: str


class Taken(Exception):
    """A claim is held already."""


class EventStore:
    """The log of every organization; each call names the one it is for."""

    def __init__(
        self, pools: Pools, *, codec: Codec, views: Sequence[InlineView], signer: Signer
    ) -> None:
        self.pools = pools
        self.codec = codec
        self.views = tuple(views)
        self.signer = signer
        topics = {topic for view in self.views for topic in view.topics}
        self._views_of = {
            topic: tuple(index for index, view in enumerate(self.views) if topic in view.topics)
            for topic in topics
        }
        self._statements: dict[tuple[bool, tuple[int, ...]], str] = {}

    async def save(self, context: Context, *aggregates: Aggregate) -> LogHead:
        """Append what the aggregates collected, in one statement and one round trip.

        Raises Conflict when another writer was first, Forbidden when the organization is closed.
        What was not saved stays with the aggregates: when the database went away in between, the
        same call again either appends it or raises Conflict, because it was there already.
        """
        append = self._append(context, aggregates)
        with _settling(aggregates):
            async with self.pools.writing() as connection:
                return await self._run(connection, append)

    async def open_log(
        self, context: Context, *aggregates: Aggregate, claims: Sequence[Claim] = ()
    ) -> LogHead:
        """Begin a new organization's log with its first events; raises Taken for a held claim."""
        append = self._append(context, aggregates)
        with _settling(aggregates):
            async with self.pools.writing() as connection, connection.transaction():
                await _claim(
                    connection, append.tenant_id, claims=claims, stream_id=aggregates[-1].id
                )
                await connection.execute(
                    "INSERT INTO es.tenant_head (tenant_id, hash) VALUES ($1, $2)",
                    append.tenant_id,
                    genesis(append.tenant_id),
                )
                return await self._run(connection, append)

    async def load(self, kind: type[A], *, org_id: OrgId, stream_id: UUID) -> A:
        """The aggregate as its events tell it; raises NotFound when it has none."""
        async with self.pools.reading(org_id) as connection:
            rows = await connection.fetch(
                """
                SELECT * FROM es.event
                WHERE tenant_id = $1 AND stream_id = $2
                ORDER BY version
                """,
                org_id.uuid,
                stream_id,
            )
        aggregate: Any = None
        for row in rows:
            aggregate = self.codec.decode(recorded(row)).mutate(aggregate)
        if not isinstance(aggregate, kind):
            raise NotFound("not_found", "There is no such thing.")
        return aggregate

    async def change(
        self, context: Context, kind: type[A], *, stream_id: UUID, verb: Callable[[A], None]
    ) -> LogHead:
        """Load, do the verb, save; again on what a quicker writer left, at most three times."""
        for attempt in itertools.count(1):
            aggregate = await self.load(kind, org_id=context.org_id, stream_id=stream_id)
            verb(aggregate)
            try:
                return await self.save(context, aggregate)
            except Conflict:
                if attempt > CONFLICT_RETRIES:
                    raise
        raise AssertionError("unreachable: the loop returns or raises")

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

    def _append(self, context: Context, aggregates: Sequence[Aggregate]) -> "_Append":
        meta = orjson.dumps(context.meta, option=orjson.OPT_SORT_KEYS).decode()
        events = [
            event
            for aggregate in aggregates
            for event in aggregate.pending_events
            if isinstance(event, Aggregate.Event)  # always: it tells the type checker which
        ]
        return _Append.of(self, context.org_id.uuid, events=events, meta=meta)

    async def _run(self, connection: "DriverConnection", append: "_Append") -> LogHead:
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
            raise Forbidden(
                "org_suspended",
                "Nothing can be written for this organization.",
                fix="Ask the operator of this installation.",
            )
        return LogHead(OrgId(append.tenant_id), row["seq"], row["hash"], self.signer)

    def views_of(self, topic: str) -> tuple[int, ...]:
        """The numbers of the views that an event of that topic writes to."""
        return self._views_of.get(topic, ())

    def statement_for(self, event_count: int, views: Sequence[int]) -> str:
        """The append statement for that many events and those of the views, composed once."""
        wanted = (event_count == 1, tuple(views))
        if wanted not in self._statements:
            self._statements[wanted] = append_statement(
                event_count, [self.views[index] for index in views]
            )
        return self._statements[wanted]


@dataclass(frozen=True, slots=True)
class _Append:
    """An append ready to run: its statement and every argument."""

    tenant_id: UUID
    statement: str
    arguments: tuple[Any, ...]

    @classmethod
    def of(
        cls, store: EventStore, tenant_id: UUID, *, events: Sequence[Aggregate.Event], meta: str
    ) -> "_Append":
        if not events:
            raise ValueError("an append needs an event: the aggregates collected none")
        columns, digests = [], []
        rows: dict[int, list[Mapping[str, Any]]] = {}
        for event in events:
            topic, data = store.codec.encode(event)
            stored = (
                event.originator_id,
                event.originator_version,
                uuid7(),
                topic,
                data,
                meta,
                event.timestamp,
            )
            digests.append(digest(tenant_id, *stored))
            columns.append(stored)
            for index in store.views_of(topic):
                happened = Happened(*stored[:4], data=event.__dict__, meta={}, at=event.timestamp)
                rows.setdefault(index, []).extend(store.views[index].rows(happened))
        touched = sorted(index for index in rows if rows[index])
        return cls(
            tenant_id,
            store.statement_for(len(events), touched),
            (
                tenant_id,
                b"".join(digests),
                *append_arguments(columns),
                *(rows_argument(rows[index]) for index in touched),
            ),
        )


@contextmanager
def _settling(aggregates: Sequence[Aggregate]) -> Iterator[None]:
    """Take what was saved off the aggregates when it is in the log, and not before."""
    counts = [len(aggregate.pending_events) for aggregate in aggregates]
    yield
    for aggregate, count in zip(aggregates, counts, strict=True):
        del aggregate.pending_events[:count]


async def _claim(
    connection: DriverConnection, tenant_id: UUID, *, claims: Sequence[Claim], stream_id: UUID
) -> None:
    """Hold each claim, in sorted order so that two writers cannot wait for each other."""
    for claim in sorted(claims):
        try:
            await connection.execute(
                "INSERT INTO es.claim (kind, value, tenant_id, stream_id) VALUES ($1, $2, $3, $4)",
                claim.kind,
                claim.value,
                tenant_id,
                stream_id,
            )
        except asyncpg.UniqueViolationError as violation:
            raise Taken(f"{claim.kind} {claim.value} is taken") from violation


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
