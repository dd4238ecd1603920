"""How following views stand for an operator, and what frees an organization that was parked."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import asyncpg

from domain.errors import NotFound
from domain.ids import OrgId
from packshot.store.follow import Follower
from packshot.store.pool import Connection, open_projector_pool
from packshot.store.positions import Lag, lag_of
from projections.following import FollowingView

EVENTS = "SELECT coalesce(sum(seq), 0)::bigint FROM es.tenant_head WHERE tenant_id IS NOT NULL"
HELD = """
SELECT coalesce(sum(position), 0)::bigint FROM es.position
WHERE tenant_id IS NOT NULL AND view = $1
"""
PARKED = """
SELECT p.tenant_id, p.position, h.seq, p.parked_at, p.parked_error
FROM es.position p JOIN es.tenant_head h ON h.tenant_id = p.tenant_id
WHERE p.view = $1 AND p.parked_at IS NOT NULL ORDER BY p.parked_at
"""
FREE = """
UPDATE es.position SET parked_at = NULL, parked_error = NULL
WHERE tenant_id = $1 AND view = $2 AND parked_at IS NOT NULL RETURNING position
"""
STANDS = """
SELECT p.position, h.seq, p.parked_error
FROM es.position p JOIN es.tenant_head h ON h.tenant_id = p.tenant_id
WHERE p.tenant_id = $1 AND p.view = $2
"""


@dataclass(frozen=True, slots=True)
class Parked:
    """An organization that a view cannot follow past ``position`` of ``events``."""

    org_id: OrgId
    position: int
    events: int
    since: datetime
    reason: str

    def as_dict(self) -> dict[str, Any]:
        """The same, JSON-native."""
        return {
            "orgId": str(self.org_id),
            "position": self.position,
            "events": self.events,
            "since": self.since.isoformat(),
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a view has come, over all organizations.

    ``held`` of ``events`` are in it. An inline view is always right: it has no ``lag``.
    """

    view: str
    events: int
    held: int
    lag: Lag | None = None
    parked: list[Parked] = field(default_factory=list)

    @property
    def behind_s(self) -> float:
        """For how many seconds the oldest missing event has been waiting; 0 for none."""
        if self.lag is None or self.lag.oldest_at is None:
            return 0.0
        return max(0.0, (datetime.now(UTC) - self.lag.oldest_at).total_seconds())

    def as_dict(self) -> dict[str, Any]:
        """The same, JSON-native."""
        worst = None if self.lag is None or self.lag.worst is None else str(self.lag.worst)
        return {
            "view": self.view,
            "kind": "inline" if self.lag is None else "following",
            "events": self.events,
            "position": self.held,
            "lagEvents": 0 if self.lag is None else self.lag.events,
            "lagSeconds": round(self.behind_s, 3),
            "organizationsBehind": 0 if self.lag is None else self.lag.organizations,
            "worst": worst,
            "parked": [one.as_dict() for one in self.parked],
        }


@dataclass(frozen=True, slots=True)
class Retried:
    """What came of a retry: from which position to which, of how many events.

    ``reason`` is why it is parked again, None where the view goes on.
    """

    before: int
    position: int
    events: int
    reason: str | None

    def as_dict(self) -> dict[str, Any]:
        """The same, JSON-native."""
        return {
            "from": self.before,
            "position": self.position,
            "events": self.events,
            "reason": self.reason,
        }


async def standings(
    owner_url: str, *, following: Sequence[FollowingView], inline: Sequence[str]
) -> list[Standing]:
    """How every view stands: those that follow first, then the names of the inline ones."""
    async with (
        open_projector_pool(owner_url, size=1) as pool,
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        events: int = await connection.fetchval(EVENTS)
        told = [await _standing(connection, view.name, events) for view in following]
    return told + [Standing(name, events, events) for name in inline]


async def _standing(connection: Connection, view: str, events: int) -> Standing:
    parked = [_parked(row) for row in await connection.fetch(PARKED, view)]
    held: int = await connection.fetchval(HELD, view)
    return Standing(view, events, held, await lag_of(connection, view), parked)


def _parked(row: asyncpg.Record) -> Parked:
    return Parked(
        OrgId(row["tenant_id"]), row["position"], row["seq"], row["parked_at"], row["parked_error"]
    )


async def retry(owner_url: str, view: FollowingView, org_id: OrgId) -> Retried:
    """Free an organization that was parked and follow it to its end, or to where it parks again.

    Raises NotFound where the view has not parked it.
    """
    async with open_projector_pool(owner_url, size=1) as pool:
        before = await pool.fetchval(FREE, org_id.uuid, view.name)
        if before is None:
            raise NotFound(
                "not_found",
                f"The view {view.name} has not parked {org_id}.",
                fix="`packshot projections` tells which organizations are parked.",
            )
        follower = Follower(pool)
        while (await follower.step(view, org_id.uuid)).has_more:
            pass
        row = await pool.fetchrow(STANDS, org_id.uuid, view.name)
        assert row is not None  # it was freed just now
    return Retried(before, row["position"], row["seq"], row["parked_error"])
