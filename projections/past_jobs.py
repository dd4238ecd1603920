"""Jobs as of a position of the log: which there were, of which status.

The view says which jobs there have been and what never changes of one; the newest event up to the
position says of which status it was.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from domain.job import Job
from projections.jobs import STATUS_OF, JobFilter

if TYPE_CHECKING:
    from projections.projection import Connection


async def list_jobs_at(
    connection: "Connection",
    *,
    tenant_id: UUID,
    at: int,
    wanted: JobFilter,
    before: UUID | None,
    limit: int,
) -> list[UUID]:
    """Ids of the jobs there were, newest first; ``before`` is the last one already told."""
    rows = await connection.fetch(
        """
        SELECT j.job_id FROM views.job j
        CROSS JOIN LATERAL (
          SELECT type FROM es.event
          WHERE tenant_id = $1 AND stream_id = j.job_id AND seq <= $7
          ORDER BY version DESC LIMIT 1
        ) newest
        WHERE j.tenant_id = $1 AND j.batch_id IS NULL
          AND ($2::text[] IS NULL OR newest.type = ANY($2))
          AND ($3::text IS NULL OR j.sku = $3) AND ($4::uuid IS NULL OR j.job_id >= $4)
          AND ($5::uuid IS NULL OR j.job_id < $5)
        ORDER BY j.job_id DESC LIMIT $6
        """,
        tenant_id,
        _topics(wanted),
        wanted.sku,
        wanted.since,
        before,
        limit,
        at,
    )
    return [row["job_id"] for row in rows]


async def count_jobs_at(
    connection: "Connection", *, tenant_id: UUID, at: int, wanted: JobFilter, at_most: int | None
) -> int:
    """How many of the jobs there were match; counting stops at ``at_most`` (None: never)."""
    counted: int = await connection.fetchval(
        """
        SELECT count(*) FROM (
          SELECT FROM views.job j
          CROSS JOIN LATERAL (
            SELECT type FROM es.event
            WHERE tenant_id = $1 AND stream_id = j.job_id AND seq <= $6
            ORDER BY version DESC LIMIT 1
          ) newest
          WHERE j.tenant_id = $1 AND j.batch_id IS NULL
            AND ($2::text[] IS NULL OR newest.type = ANY($2))
            AND ($3::text IS NULL OR j.sku = $3) AND ($4::uuid IS NULL OR j.job_id >= $4)
          LIMIT $5
        ) matching
        """,
        tenant_id,
        _topics(wanted),
        wanted.sku,
        wanted.since,
        at_most,
        at,
    )
    return counted


async def count_succeeded_items_at(
    connection: "Connection", *, tenant_id: UUID, batch_ids: Sequence[UUID], at: int
) -> dict[UUID, int]:
    """How many items of each batch had succeeded; a batch without any is left out."""
    rows = await connection.fetch(
        """
        SELECT item.batch_id, count(*) AS succeeded FROM views.job item
        JOIN es.event e ON e.tenant_id = item.tenant_id AND e.stream_id = item.job_id
        WHERE item.tenant_id = $1 AND item.batch_id = ANY($2)
          AND e.tenant_id = $1 AND e.type = $3 AND e.seq <= $4
        GROUP BY item.batch_id
        """,
        tenant_id,
        batch_ids,
        Job.Succeeded.TOPIC,
        at,
    )
    return {row["batch_id"]: row["succeeded"] for row in rows}


def _topics(wanted: JobFilter) -> list[str] | None:
    if wanted.status is None:
        return None
    return [topic for topic, status in STATUS_OF.items() if status == wanted.status]
