"""Verifies the log: every digest, every link of the chain, every position and version."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from domain.ids import OrgId
from packshot.store.codec import digest, genesis

BATCH = 2000

# Columns 1 to 7 are those of the digest, in its order; column 8 is the chain's. A time that only
# the database can hold (infinity, 4000 BC) was never appended: it is read as none at all.
EVENTS = """
SELECT seq, stream_id, version, event_id, type, data, meta,
       CASE WHEN at >= '0001-01-01 UTC' AND at < '10000-01-01 UTC' THEN at END AS at, hash
FROM es.event WHERE tenant_id = $1 ORDER BY seq
"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the chain of one organization shows; ``first_bad`` is a position, None when it holds."""

    org_id: OrgId
    events: int
    head: bytes
    first_bad: int | None = None
    reason: str | None = None

    @property
    def valid(self) -> bool:
        """Whether every event is what was appended, in its place."""
        return self.first_bad is None


async def verify_log(owner_url: str) -> list[Verdict]:
    """Verify every organization's chain, as a role that reads them all.

    Raises asyncpg.InsufficientPrivilegeError for a role that row-level security confines: to it an
    installation would look empty, and an empty one holds.
    """
    connection = await asyncpg.connect(owner_url)
    try:
        await connection.execute("SET row_security = off")
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            tenants = await connection.fetch(
                # A log whose head was deleted is found by its events.
                """
                SELECT tenant_id FROM es.tenant_head
                UNION SELECT DISTINCT tenant_id FROM es.event ORDER BY 1
                """
            )
            return [await verify_tenant(connection, row["tenant_id"]) for row in tenants]
    finally:
        await connection.close()


async def verify_tenant(
    connection: "asyncpg.Connection[asyncpg.Record]", tenant_id: UUID
) -> Verdict:
    """Recompute the chain of one organization from its first event and hold it against its head."""
    org_id = OrgId(tenant_id)
    tip, position = genesis(tenant_id), 0
    versions: dict[UUID, int] = {}
    async for append in _appends(connection, tenant_id):
        digests = []
        for row in append:
            position += 1
            if row["seq"] != position:
                return Verdict(
                    org_id,
                    position - 1,
                    tip,
                    position,
                    f"expected position {position}, found {row['seq']}",
                )
            version = versions.get(row["stream_id"], 0) + 1
            if row["version"] != version:
                return Verdict(
                    org_id,
                    position,
                    tip,
                    position,
                    f"expected version {version}, found {row['version']}",
                )
            versions[row["stream_id"]] = version
            try:
                digests.append(digest(tenant_id, *row[1:8]))
            except (AttributeError, TypeError):  # a null, where none can be
                return Verdict(org_id, position, tip, position, "a column cannot be read")
        tip = hashlib.sha256(tip + b"".join(digests)).digest()
        if tip != append[-1]["hash"]:
            first = append[0]["seq"]
            where = f"position {first}" if len(append) == 1 else f"positions {first} to {position}"
            return Verdict(org_id, position, tip, first, f"what was appended at {where} is changed")
    return await _against_head(connection, Verdict(org_id, position, tip))


async def _appends(
    connection: "asyncpg.Connection[asyncpg.Record]", tenant_id: UUID
) -> AsyncIterator[list[asyncpg.Record]]:
    """The events of each append together: they carry the same hash and follow each other."""
    append: list[asyncpg.Record] = []
    cursor = await connection.cursor(EVENTS, tenant_id)
    while batch := await cursor.fetch(BATCH):
        for row in batch:
            if append and row[8] != append[-1][8]:
                yield append
                append = []
            append.append(row)
    if append:
        yield append


async def _against_head(
    connection: "asyncpg.Connection[asyncpg.Record]", verdict: Verdict
) -> Verdict:
    head = await connection.fetchrow(
        "SELECT seq, hash FROM es.tenant_head WHERE tenant_id = $1", verdict.org_id.uuid
    )
    if head is None:
        reason = "the organization's head is missing"
    elif head["seq"] != verdict.events:
        reason = f"the head stands at {head['seq']}, the log ends at {verdict.events}"
    elif head["hash"] != verdict.head:
        reason = "the head's hash is not the chain's"
    else:
        return verdict
    return Verdict(verdict.org_id, verdict.events, verdict.head, verdict.events + 1, reason)
