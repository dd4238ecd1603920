"""Verifies the log: every digest, every link of the chain, every position and version."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from domain.ids import OrgId
from packshot.store.chain import Broken, Chain

BATCH = 2000

# The columns of ``chain.COLUMNS``. A time that only the database can hold (infinity, 4000 BC) was
# never appended: it is read as none at all.
EVENTS = """
SELECT seq, stream_id, version, event_id, type, data, meta,
       CASE WHEN at >= '0001-01-01 UTC' AND at < '10000-01-01 UTC' THEN at END AS at, hash
FROM es.event WHERE tenant_id = $1 ORDER BY seq
"""

Rows = AsyncIterator[Sequence[asyncpg.Record]]


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


async def verify_log(
    owner_url: str, witnesses: Mapping[OrgId, Mapping[int, bytes]] | None = None
) -> list[Verdict]:
    """Verify every organization's chain, as a role that reads them all.

    ``witnesses`` are the hashes by position that somebody kept of each organization; one that is
    not there any more does not hold. Raises asyncpg.InsufficientPrivilegeError for a role that
    row-level security confines: to it an installation would look empty, and an empty one holds.
    """
    kept = {org_id.uuid: hashes for org_id, hashes in (witnesses or {}).items()}
    connection = await asyncpg.connect(owner_url)
    try:
        await connection.execute("SET row_security = off")
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            tenants = await connection.fetch(
                # A log whose head was deleted is found by its events.
                """
                SELECT tenant_id FROM es.tenant_head
                UNION SELECT DISTINCT tenant_id FROM es.event
                UNION SELECT unnest($1::uuid[]) ORDER BY 1
                """,
                list(kept),
            )
            return [
                await verify_tenant(connection, row["tenant_id"], kept.get(row["tenant_id"]))
                for row in tenants
            ]
    finally:
        await connection.close()


async def find_organizations(owner_url: str) -> list[OrgId]:
    """Every organization that has a log, asked as a role that sees them all."""
    connection = await asyncpg.connect(owner_url)
    try:
        rows = await connection.fetch("SELECT tenant_id FROM es.tenant_head")
    finally:
        await connection.close()
    return [OrgId(row["tenant_id"]) for row in rows]


async def verify_tenant(
    connection: "asyncpg.Connection[asyncpg.Record]",
    tenant_id: UUID,
    witnesses: Mapping[int, bytes] | None = None,
) -> Verdict:
    """Recompute the chain of one organization from its first event and hold it against its head."""
    head = await connection.fetchrow(
        "SELECT seq, hash FROM es.tenant_head WHERE tenant_id = $1", tenant_id
    )
    stands_at = None if head is None else (head["seq"], head["hash"])
    cursor = await connection.cursor(EVENTS, tenant_id)
    return await verify_rows(tenant_id, _batches(cursor), stands_at, witnesses=witnesses)


async def verify_rows(
    tenant_id: UUID,
    rows: Rows,
    head: tuple[int, bytes] | None,
    *,
    witnesses: Mapping[int, bytes] | None = None,
    counts_versions: bool = True,
) -> Verdict:
    """Recompute a whole chain and hold it against its head, given as position and hash."""
    org_id = OrgId(tenant_id)
    chain = Chain(tenant_id, witnesses=witnesses, counts_versions=counts_versions)
    try:
        async for batch in rows:
            for row in batch:
                chain.add(row)
        chain.end()
        _hold_against_head(chain, head)
    except Broken as broken:
        return Verdict(org_id, chain.position, chain.tip, broken.position, broken.reason)
    return Verdict(org_id, chain.position, chain.tip)


async def _batches(cursor: "asyncpg.cursor.Cursor[asyncpg.Record]") -> Rows:
    while batch := await cursor.fetch(BATCH):
        yield batch


def _hold_against_head(chain: Chain, head: tuple[int, bytes] | None) -> None:
    if head is None:
        reason = "the organization's head is missing"
    elif head[0] != chain.position:
        reason = f"the head stands at {head[0]}, the log ends at {chain.position}"
    elif head[1] != chain.tip:
        reason = "the head's hash is not the chain's"
    else:
        return
    raise Broken(chain.position + 1, reason)
