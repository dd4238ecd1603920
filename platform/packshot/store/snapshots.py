"""Snapshots: what long streams have come to, kept beside the log and written outside the append.

A snapshot is a memory, never the truth. One that other code folded, that belongs to another log or
whose MAC does not hold is not used; without any, streams are folded from their first event.
"""

import asyncio
import hmac
import inspect
from collections.abc import Callable, Iterable
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import structlog
from eventsourcing.domain import Aggregate

from domain.errors import Unavailable
from domain.ids import OrgId
from packshot.store import states
from packshot.store.codec import Codec
from packshot.store.pool import Pools

# A stream is given a snapshot when a load had to fold more events than this.
SNAPSHOT_EVERY = 200
TAG = b"packshot snapshot v1"

# Not an upsert: that would have to read the state that it puts in the place of another.
KEEP = """
WITH renewed AS (
  UPDATE es.snapshot
  SET version = $3, event_id = $4, fold = $5, state = $6, mac = $7, taken_at = now()
  WHERE tenant_id = $1 AND stream_id = $2 AND (version < $3 OR fold <> $5 OR $8)
)
INSERT INTO es.snapshot (tenant_id, stream_id, version, event_id, fold, state, mac)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (tenant_id, stream_id) DO NOTHING
"""

log = structlog.get_logger()


class Snapshots:
    """Reads snapshots and writes them behind the loads that found a stream long.

    ``fold`` names the code that folds today: the domain's sources, whatever of them has changed.
    """

    def __init__(self, pools: Pools, codec: Codec, *, key: bytes) -> None:
        """Take ``key``, 32 secret bytes that MACs are made with."""
        self._pools = pools
        self._key = key
        self._kinds = {kind.__name__: kind for kind, _ in codec.classes.values()}
        self._writing: asyncio.Task[None] | None = None
        self.fold = fold_version(codec.upcasts.values())

    def open(self, org_id: OrgId, row: asyncpg.Record) -> Aggregate | None:
        """The aggregate of a snapshot (stream_id, version, event_id, state, mac).

        None, and a line in the log, for one that is not what was written.
        """
        place = (org_id, row["stream_id"], row["version"], row["event_id"])
        if not hmac.compare_digest(self._mac(*place, state=row["state"]), row["mac"]):
            log.warning(
                "snapshot_ignored",
                org_id=str(org_id),
                stream_id=str(row["stream_id"]),
                version=row["version"],
                reason="its MAC does not hold",
            )
            return None
        state = states.from_json(row["state"])
        kind = self._kinds[state.pop("kind")]
        aggregate = kind.__new__(kind)
        aggregate.__dict__.update(state, _pending_events=[])
        return aggregate

    def keep(
        self, org_id: OrgId, aggregate: Aggregate, *, event_id: UUID, replace: bool = False
    ) -> None:
        """Write a snapshot of the aggregate as it is now, soon, and without anybody waiting.

        ``event_id`` is its newest event's; ``replace`` overwrites one that was not usable. While
        another is being written, it is left to the next load.
        """
        if self._writing is not None and not self._writing.done():
            return
        kept = {name: value for name, value in vars(aggregate).items() if name != "_pending_events"}
        try:
            state = states.to_json(kept | {"kind": type(aggregate).__name__})
        except TypeError as unknown:  # a load is worth more than what the next one would save
            log.warning("snapshot_not_written", stream_id=str(aggregate.id), error=str(unknown))
            return
        place = (org_id, aggregate.id, aggregate.version, event_id)
        mac = self._mac(*place, state=state)
        arguments = (org_id.uuid, *place[1:], self.fold, state, mac, replace)
        self._writing = asyncio.create_task(self._write(*arguments))

    async def settle(self) -> None:
        """Wait until what is being written is written."""
        if self._writing is not None:
            await self._writing

    async def _write(self, *arguments: Any) -> None:
        try:
            async with self._pools.writing() as connection:
                await connection.execute(KEEP, *arguments)
        except (Unavailable, asyncpg.PostgresError) as trouble:
            log.warning("snapshot_not_written", stream_id=str(arguments[1]), error=str(trouble))

    def _mac(
        self, org_id: OrgId, stream_id: UUID, version_: int, event_id: UUID, *, state: str
    ) -> bytes:
        fold = self.fold.encode()
        told = b"".join([
            TAG, org_id.uuid.bytes, stream_id.bytes, version_.to_bytes(8, "big"), event_id.bytes,
            len(fold).to_bytes(4, "big"), fold, state.encode(),
        ])  # fmt: skip
        return hmac.digest(self._key, told, "sha256")


def fold_version(upcasts: Iterable[Callable[..., Any]] = ()) -> str:
    """A name for the code that turns events into aggregates: another one for other code."""
    domain = sorted(str(one) for one in files("domain").iterdir() if one.name.endswith(".py"))
    others = {inspect.getsourcefile(upcast) or "" for upcast in upcasts}
    return _hash_of((*domain, states.__file__, *sorted(others)))


@cache
def _hash_of(sources: tuple[str, ...]) -> str:
    hashed = sha256(version("eventsourcing").encode())
    for source in sources:
        hashed.update(sha256(Path(source).read_bytes()).digest())
    return hashed.hexdigest()[:16]
