"""How far views have come: what a reader may wait for, and what an operator watches."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from domain.ids import OrgId

if TYPE_CHECKING:
    from packshot.store.pool import Connection

POSITION = "SELECT position FROM es.position WHERE tenant_id = $1 AND view = $2"
HEAD = "SELECT seq FROM es.tenant_head WHERE tenant_id = $1"
LAG = """
WITH behind AS (
  SELECT h.tenant_id, h.seq - coalesce(p.position, 0) AS events, e.at, p.parked_at
  FROM es.tenant_head h
  LEFT JOIN es.position p ON p.tenant_id = h.tenant_id AND p.view = $1
  JOIN es.event e ON e.tenant_id = h.tenant_id AND e.seq = coalesce(p.position, 0) + 1
  WHERE h.seq > coalesce(p.position, 0)
)
SELECT count(*) FILTER (WHERE parked_at IS NULL) AS organizations,
       coalesce(sum(events) FILTER (WHERE parked_at IS NULL), 0)::bigint AS events,
       min(at) FILTER (WHERE parked_at IS NULL) AS oldest_at,
       (array_agg(tenant_id ORDER BY at) FILTER (WHERE parked_at IS NULL))[1] AS worst,
       count(*) FILTER (WHERE parked_at IS NOT NULL) AS parked
FROM behind
"""


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a view is behind the logs; parked organizations are counted apart.

    ``worst`` is the organization whose oldest missing event, of ``oldest_at``, waits longest; both
    are None when nothing is behind.
    """

    view: str
    events: int
    organizations: int
    worst: OrgId | None
    oldest_at: datetime | None
    parked: int


async def position_of(connection: "Connection", tenant_id: UUID, *, view: str | None) -> int:
    """The newest event that a following view holds; of an inline view (None), the log's newest."""
    if view is None:
        held = await connection.fetchval(HEAD, tenant_id)
    else:
        held = await connection.fetchval(POSITION, tenant_id, view)
    return held or 0


async def lag_of(connection: "Connection", view: str) -> Lag:
    """How far a view is behind, over all organizations; asked as the projector."""
    row = await connection.fetchrow(LAG, view)
    assert row is not None  # an aggregate always gives a row
    return Lag(
        view=view,
        events=row["events"],
        organizations=row["organizations"],
        worst=None if row["worst"] is None else OrgId(row["worst"]),
        oldest_at=row["oldest_at"],
        parked=row["parked"],
    )
