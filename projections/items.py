"""The items of batches, in their order: which there are, and which of them have succeeded.

They are rows of the view of jobs; ids of one batch were made one after another, so their order is
the order in which the batch was asked for.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from domain.job import Job

if TYPE_CHECKING:
    from projections.projection import Connection


async def list_items(
    connection: "Connection", *, tenant_id: UUID, batch_id: UUID, after: UUID | None, limit: int
) -> list[UUID]:
    """Ids of the batch's items, in order; ``after`` is the last one already told."""
    rows = await connection.fetch(
        """
        SELECT job_id FROM views.job
        WHERE tenant_id = $1 AND batch_id = $2 AND ($3::uuid IS NULL OR job_id > $3)
        ORDER BY job_id LIMIT $4
        """,
        tenant_id,
        batch_id,
        after,
        limit,
    )
    return [row["job_id"] for row in rows]


async def list_items_of_status(
    connection: "Connection", *, tenant_id: UUID, batch_id: UUID, statuses: Sequence[str]
) -> list[UUID]:
    """Ids of the batch's items that are of one of these statuses now, in order."""
    rows = await connection.fetch(
        """
        SELECT job_id FROM views.job
        WHERE tenant_id = $1 AND batch_id = $2 AND status = ANY($3)
        ORDER BY job_id
        """,
        tenant_id,
        batch_id,
        statuses,
    )
    return [row["job_id"] for row in rows]


async def list_succeeded_items(
    connection: "Connection", *, tenant_id: UUID, batch_id: UUID, at: int
) -> list[UUID]:
    """Ids of the batch's items that had succeeded at that position of the log, in order."""
    rows = await connection.fetch(
        """
        SELECT item.job_id FROM views.job item
        JOIN es.event e ON e.tenant_id = item.tenant_id AND e.stream_id = item.job_id
        WHERE item.tenant_id = $1 AND item.batch_id = $2
          AND e.tenant_id = $1 AND e.type = $3 AND e.seq <= $4
        ORDER BY item.job_id
        """,
        tenant_id,
        batch_id,
        Job.Succeeded.TOPIC,
        at,
    )
    return [row["job_id"] for row in rows]


async def count_succeeded_items(
    connection: "Connection", *, tenant_id: UUID, batch_ids: Sequence[UUID]
) -> dict[UUID, int]:
    """How many items of each batch have succeeded; a batch without any is left out."""
    rows = await connection.fetch(
        """
        SELECT batch_id, count(*) AS succeeded FROM views.job
        WHERE tenant_id = $1 AND batch_id = ANY($2) AND status = 'succeeded'
        GROUP BY batch_id
        """,
        tenant_id,
        batch_ids,
    )
    return {row["batch_id"]: row["succeeded"] for row in rows}
