"""Streams out of the log: the events of aggregates, folded from their snapshots on."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from domain.ids import OrgId
from domain.recorded import Happened
from packshot.store.codec import Codec
from packshot.store.pool import Connection, Pools
from packshot.store.snapshots import SNAPSHOT_EVERY, Snapshots

# The first row of a stream with a snapshot is the event that the snapshot ends with; a snapshot of
# another log finds no such event, and the whole stream is read. MATERIALIZED and OFFSET 0 keep the
# planner from reading a stream whole and throwing most of it away: twice the time, measured.
STREAMS = """
WITH begun AS MATERIALIZED (
  SELECT wanted.stream_id, s.version, s.state, s.mac
  FROM unnest($2::uuid[]) AS wanted(stream_id)
  LEFT JOIN LATERAL (
    SELECT kept.version, kept.state, kept.mac
    FROM es.snapshot kept
    JOIN es.event newest ON newest.tenant_id = $1 AND newest.stream_id = kept.stream_id
                            AND newest.version = kept.version AND newest.event_id = kept.event_id
    WHERE kept.tenant_id = $1 AND kept.stream_id = wanted.stream_id AND kept.fold = $4
      AND ($3::int IS NULL OR kept.version <= $3) AND ($5::bigint IS NULL OR newest.seq <= $5)
    OFFSET 0
  ) s ON true
)
SELECT begun.stream_id, e.*, CASE WHEN e.version = begun.version THEN begun.state END AS state,
       CASE WHEN e.version = begun.version THEN begun.mac END AS mac
FROM begun CROSS JOIN LATERAL (
  SELECT version, event_id, type, data, at FROM es.event
  WHERE tenant_id = $1 AND stream_id = begun.stream_id
    AND version >= coalesce(begun.version, 0) AND ($3::int IS NULL OR version <= $3)
    AND ($5::bigint IS NULL OR seq <= $5)
  ORDER BY version
  OFFSET 0
) e
"""


@dataclass(slots=True)
class _Folding:
    """Aggregates as far as they are folded; ``newest`` are the rows that they end with."""

    folded: dict[UUID, Any] = field(default_factory=dict)
    counts: dict[UUID, int] = field(default_factory=dict)
    newest: dict[UUID, asyncpg.Record] = field(default_factory=dict)
    unusable: set[UUID] = field(default_factory=set)


class Streams:
    """Loads aggregates, and has those of long streams remembered."""

    def __init__(self, pools: Pools, codec: Codec, snapshots: Snapshots) -> None:
        self.pools = pools
        self.codec = codec
        self.snapshots = snapshots

    async def load(
        self,
        org_id: OrgId,
        stream_ids: Sequence[UUID],
        *,
        up_to: int | None = None,
        at: int | None = None,
    ) -> dict[UUID, Any]:
        """The aggregates of these ids, without unknown ids.

        They are as of a version (``up_to``) and of a position of the log (``at``); None: today.
        """
        async with self.pools.reading(org_id) as connection:
            rows = await self._read(connection, org_id, stream_ids, up_to=up_to, at=at)
            folding = self._fold(org_id, rows)
            if folding.unusable:
                again = sorted(folding.unusable)
                rows = await self._read(
                    connection, org_id, again, up_to=up_to, at=at, from_snapshots=False
                )
                anew = self._fold(org_id, rows)
                folding.folded |= anew.folded
                folding.counts |= anew.counts
                folding.newest |= anew.newest
        if up_to is None and at is None:
            self._remember(org_id, folding)
        return folding.folded

    async def _read(
        self,
        connection: Connection,
        org_id: OrgId,
        stream_ids: Sequence[UUID],
        *,
        up_to: int | None,
        at: int | None,
        from_snapshots: bool = True,
    ) -> list[asyncpg.Record]:
        fold = self.snapshots.fold if from_snapshots else None
        return await connection.fetch(STREAMS, org_id.uuid, stream_ids, up_to, fold, at)

    def _fold(self, org_id: OrgId, rows: Sequence[asyncpg.Record]) -> _Folding:
        folding = _Folding()
        folded, counts = folding.folded, folding.counts
        for row in rows:
            stream_id = row["stream_id"]
            folding.newest[stream_id] = row
            if row["state"] is not None:
                opened = self.snapshots.open(org_id, row)
                if opened is None:
                    folding.unusable.add(stream_id)
                folded[stream_id] = opened
            elif stream_id not in folding.unusable:
                event = self.codec.decode(_happened(row))
                folded[stream_id] = event.mutate(folded.get(stream_id))
                counts[stream_id] = counts.get(stream_id, 0) + 1
        return folding

    def _remember(self, org_id: OrgId, folding: _Folding) -> None:
        for stream_id, count in folding.counts.items():
            if count > SNAPSHOT_EVERY or stream_id in folding.unusable:
                self.snapshots.keep(
                    org_id,
                    folding.folded[stream_id],
                    event_id=folding.newest[stream_id]["event_id"],
                    replace=stream_id in folding.unusable,
                )


def _happened(row: asyncpg.Record) -> Happened:
    """The event of a row, for a fold: what no fold looks at was not fetched."""
    return Happened(
        row["stream_id"],
        row["version"],
        row["event_id"],
        row["type"],
        data=orjson.loads(row["data"]),
        meta={},
        at=row["at"],
    )
