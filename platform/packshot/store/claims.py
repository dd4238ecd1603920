"""Claims: values that only one organization may hold, whatever happens at the same time."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from packshot.store.pool import DriverConnection


@dataclass(frozen=True, slots=True, order=True)
class Claim:
    """A value of one kind, such as a key's kid, and the aggregate that it belongs to."""

    kind: str
    value: str
    stream_id: UUID


class Taken(Exception):
    """A claim is held already."""


async def hold(connection: DriverConnection, tenant_id: UUID, *, claims: Sequence[Claim]) -> None:
    """Hold each claim for the organization until the transaction ends, then for good.

    In sorted order, so that two writers cannot wait for each other. Raises Taken.
    """
    for claim in sorted(claims):
        try:
            await connection.execute(
                "INSERT INTO es.claim (kind, value, tenant_id, stream_id) VALUES ($1, $2, $3, $4)",
                claim.kind,
                claim.value,
                tenant_id,
                claim.stream_id,
            )
        except asyncpg.UniqueViolationError as violation:
            raise Taken(f"{claim.kind} {claim.value} is taken") from violation
