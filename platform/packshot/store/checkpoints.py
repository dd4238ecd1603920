"""The rows of checkpoints: those that are due, those that were made, and where each was told.

Any number of projectors may run. A row stands once for a position, whoever made it; a lock lets
one of them at a time look for what is due, so that two do not sign a position each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from domain.ids import OrgId
from packshot.store.follow import AnyConnection

if TYPE_CHECKING:
    from asyncpg import Record

EVERY_EVENTS = 1000
AT_ONCE = 200
# One of our own, for pg_try_advisory_xact_lock: "check" in ASCII.
LOCK = 0x636865636B

DUE = """
SELECT h.tenant_id, h.seq, h.hash
FROM es.tenant_head h
LEFT JOIN LATERAL (
  SELECT position, at FROM es.checkpoint
  WHERE tenant_id = h.tenant_id ORDER BY position DESC LIMIT 1
) AS newest ON true
WHERE h.seq > coalesce(newest.position, 0)
  AND (newest.position IS NULL OR h.seq >= newest.position + $1 OR newest.at <= $2)
ORDER BY newest.at NULLS FIRST LIMIT $3
"""


@dataclass(frozen=True, slots=True)
class Due:
    """A log that has come far enough for a checkpoint, and how far."""

    org_id: OrgId
    position: int
    tip: bytes


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint that was made."""

    org_id: OrgId
    position: int
    tip: bytes
    at: datetime
    note: str


async def is_alone(connection: AnyConnection) -> bool:
    """Whether nobody else makes checkpoints until this transaction ends."""
    alone: bool = await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", LOCK)
    return alone


async def find_due(connection: AnyConnection, *, signed_before: datetime) -> list[Due]:
    """The logs without a checkpoint, or grown by EVERY_EVENTS, or whose newest is that old."""
    rows = await connection.fetch(DUE, EVERY_EVENTS, signed_before, AT_ONCE)
    return [Due(OrgId(row["tenant_id"]), row["seq"], row["hash"]) for row in rows]


async def add_checkpoint(connection: AnyConnection, made: Checkpoint) -> None:
    """Keep a checkpoint; one of that position that is there already stays."""
    await connection.execute(
        """
        INSERT INTO es.checkpoint (tenant_id, position, hash, at, note)
        VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant_id, position) DO NOTHING
        """,
        made.org_id.uuid,
        made.position,
        made.tip,
        made.at,
        made.note,
    )


async def find_unwritten(connection: AnyConnection) -> list[Checkpoint]:
    """Those that stand in no file yet, oldest first in each organization."""
    rows = await connection.fetch(
        """
        SELECT tenant_id, position, hash, at, note FROM es.checkpoint
        WHERE written_at IS NULL ORDER BY tenant_id, position LIMIT $1
        """,
        AT_ONCE,
    )
    return [_checkpoint(row) for row in rows]


async def mark_written(
    connection: AnyConnection, written: Sequence[Checkpoint], *, at: datetime
) -> None:
    """Note that these stand in their files."""
    await connection.executemany(
        "UPDATE es.checkpoint SET written_at = $3 WHERE tenant_id = $1 AND position = $2",
        [(one.org_id.uuid, one.position, at) for one in written],
    )


async def find_unposted(connection: AnyConnection, *, limit: int) -> list[Checkpoint]:
    """Those that no server was told of yet, oldest first, of every tenant_id."""
    rows = await connection.fetch(
        """
        SELECT tenant_id, position, hash, at, note FROM es.checkpoint
        WHERE posted_at IS NULL ORDER BY at, tenant_id, position LIMIT $1
        """,
        limit,
    )
    return [_checkpoint(row) for row in rows]


async def mark_posted(connection: AnyConnection, posted: Checkpoint, *, at: datetime) -> None:
    """Note that a server took this one."""
    await connection.execute(
        "UPDATE es.checkpoint SET posted_at = $3 WHERE tenant_id = $1 AND position = $2",
        posted.org_id.uuid,
        posted.position,
        at,
    )


async def list_checkpoints(
    connection: AnyConnection, tenant_id: UUID, *, before: int | None, limit: int
) -> tuple[list[Checkpoint], int]:
    """The checkpoints of an organization below a position, newest first, and how many it has."""
    rows = await connection.fetch(
        """
        SELECT tenant_id, position, hash, at, note FROM es.checkpoint
        WHERE tenant_id = $1 AND ($2::bigint IS NULL OR position < $2)
        ORDER BY position DESC LIMIT $3
        """,
        tenant_id,
        before,
        limit,
    )
    total: int = await connection.fetchval(
        "SELECT count(*) FROM es.checkpoint WHERE tenant_id = $1", tenant_id
    )
    return [_checkpoint(row) for row in rows], total


def _checkpoint(row: "Record") -> Checkpoint:
    return Checkpoint(OrgId(row["tenant_id"]), row["position"], row["hash"], row["at"], row["note"])
