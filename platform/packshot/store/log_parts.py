"""Reads a part of a log in batches, each in a short transaction of its own.

A log is only ever appended to, so what lies up to a position is the same whenever it is read: one
long snapshot would show nothing else. It would keep the database from clearing away old rows, and
hold one of few connections, for as long as the slowest client takes to read its export.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import asyncpg

from domain.errors import InvalidInput, NotFound
from domain.ids import OrgId
from packshot.store.codec import genesis
from packshot.store.head import LogHead, Signer
from packshot.store.pool import Connection, Pools

BATCH_EVENTS = 1000
# As they are stored, which is compressed where they are long: text that is up to ten times this.
BATCH_BYTES = 1024 * 1024

# The columns of ``chain.COLUMNS``; the sum bounds what a batch holds in memory, and always lets one
# event through.
BATCH = """
SELECT seq, stream_id, version, event_id, type, data, meta,
       CASE WHEN at >= '0001-01-01 UTC' AND at < '10000-01-01 UTC' THEN at END AS at, hash
FROM (
  SELECT *, sum(pg_column_size(data))
              OVER (ORDER BY seq ROWS UNBOUNDED PRECEDING) - pg_column_size(data) AS before
  FROM es.event WHERE tenant_id = $1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT $4
) AS event
WHERE before < $5
ORDER BY seq
"""
# The events of an append carry the same hash: it begins after the last one with another.
APPEND_BEGINS_AFTER = """
SELECT max(seq) FROM es.event
WHERE tenant_id = $1 AND seq <= $2
  AND hash <> (SELECT hash FROM es.event WHERE tenant_id = $1 AND seq = $2 + 1)
"""
APPEND_ENDS_BEFORE = """
SELECT min(seq) FROM es.event
WHERE tenant_id = $1 AND seq > $2
  AND hash <> (SELECT hash FROM es.event WHERE tenant_id = $1 AND seq = $2)
"""


@dataclass(frozen=True, slots=True)
class LogPart:
    """Whole appends of a log: the events after ``after``, whose tip is ``tip``, up to ``head``.

    ``until`` is where it was asked to end; None for an end at the newest event.
    """

    org_id: OrgId
    after: int
    tip: bytes
    head: LogHead
    until: int | None = None


async def find_part(
    pools: Pools, org_id: OrgId, signer: Signer, *, after: int = 0, until: int | None = None
) -> LogPart:
    """The part that holds the events after one position up to another.

    Both are moved outwards to where an append begins and ends: only there the chain has a tip.
    Raises InvalidInput for positions that the log does not have.
    """
    async with pools.reading(org_id) as connection:
        newest = await connection.fetchrow(
            "SELECT seq, hash FROM es.tenant_head WHERE tenant_id = $1", org_id.uuid
        )
        if newest is None:
            raise NotFound("not_found", "There is no such organization.")
        _require_within("after", after, at_most=newest["seq"])
        # No event is at 0, so no append ends there and no head of it was ever signed.
        _require_within("until", until, at_least=max(after, 1), at_most=newest["seq"])
        if after not in {0, newest["seq"]}:
            after = await connection.fetchval(APPEND_BEGINS_AFTER, org_id.uuid, after) or 0
        end, tip = newest["seq"], newest["hash"]
        if until is not None and until < end:
            beyond = await connection.fetchval(APPEND_ENDS_BEFORE, org_id.uuid, until)
            if beyond is not None:
                end = beyond - 1
                tip = await _tip_at(connection, org_id, end)
        before = tip if after == end else await _tip_at(connection, org_id, after)
    is_newest = end == newest["seq"]
    head = LogHead(org_id, end, tip, signer)
    return LogPart(org_id, after, before, head, None if is_newest else end)


async def read_part(pools: Pools, part: LogPart) -> AsyncIterator[Sequence[asyncpg.Record]]:
    """The events of the part in batches, each given as ``chain.COLUMNS``."""
    after, end = part.after, part.head.position
    while after < end:
        async with pools.reading(part.org_id) as connection:
            batch = await connection.fetch(
                BATCH, part.org_id.uuid, after, end, BATCH_EVENTS, BATCH_BYTES
            )
        if not batch:  # somebody took the end of the log away
            return
        yield batch
        after = batch[-1]["seq"]


async def _tip_at(connection: Connection, org_id: OrgId, position: int) -> bytes:
    """The hash after that position, at which an append ends."""
    tip: bytes | None = None
    if position:
        tip = await connection.fetchval(
            "SELECT hash FROM es.event WHERE tenant_id = $1 AND seq = $2", org_id.uuid, position
        )
    return genesis(org_id.uuid) if tip is None else tip


def _require_within(name: str, position: int | None, *, at_most: int, at_least: int = 0) -> None:
    if position is None or at_least <= position <= at_most:
        return
    raise InvalidInput(
        f"{name}_out_of_range",
        f"{name} must be from {at_least} to {at_most}, where the log ends; got {position}.",
        param=name,
        allowed={"min": at_least, "max": at_most},
        fix=f"Leave {name} out for the whole log.",
    )
