"""The view of jobs: their status right at once, for lists and filters.

A job itself is read from its events; the view says which jobs there are. An item of a batch is in
the list of that batch (``projections/items.py``), not among the jobs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain.ids import JobId
from domain.job import Job
from domain.recorded import Happened

if TYPE_CHECKING:
    from projections.projection import Connection

STATUS_OF = {
    Job.Requested.TOPIC: "requested",
    Job.Queued.TOPIC: "queued",
    Job.Started.TOPIC: "running",
    Job.Postponed.TOPIC: "queued",
    Job.Interrupted.TOPIC: "queued",
    Job.Succeeded.TOPIC: "succeeded",
    Job.PartlySucceeded.TOPIC: "partial",
    Job.Failed.TOPIC: "failed",
    Job.Cancelled.TOPIC: "cancelled",
    Job.Retried.TOPIC: "queued",
}


class JobsView:
    """One row per job; an append may hold several events of one, and the newest decides."""

    name = "job"
    topics = frozenset(STATUS_OF)
    statement = """
        INSERT INTO views.job (tenant_id, job_id, status, operation, sku, batch_id, version)
        SELECT DISTINCT ON (r.job_id) head.tenant_id, r.job_id, r.status,
               coalesce(max(r.operation) OVER jobs, ''), max(r.sku) OVER jobs,
               (max(r.batch_id) OVER jobs)::uuid, r.version
        FROM head, json_to_recordset({rows})
             AS r(job_id uuid, status text, operation text, sku text, batch_id text, version int)
        WINDOW jobs AS (PARTITION BY r.job_id)
        ORDER BY r.job_id, r.version DESC
        ON CONFLICT (tenant_id, job_id)
        DO UPDATE SET status = excluded.status, version = excluded.version
        WHERE job.version < excluded.version
    """

    def rows(self, happened: Happened) -> list[Mapping[str, Any]]:
        """What the event says of its job."""
        batch_id = happened.data.get("batch_id")
        return [
            {
                "job_id": happened.stream_id,
                "status": STATUS_OF[happened.type],
                "operation": happened.data.get("operation"),
                "sku": happened.data.get("sku"),
                "batch_id": None if batch_id is None else JobId.parse(batch_id).uuid,
                "version": happened.version,
            }
        ]


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs are meant; None means any. ``since`` is an id that no older job has."""

    status: str | None = None
    sku: str | None = None
    since: UUID | None = None


async def list_jobs(
    connection: "Connection",
    *,
    tenant_id: UUID,
    wanted: JobFilter,
    before: UUID | None,
    limit: int,
) -> list[UUID]:
    """Ids of the organization's jobs, newest first; ``before`` is the last one already told."""
    rows = await connection.fetch(
        """
        SELECT job_id FROM views.job
        WHERE tenant_id = $1 AND batch_id IS NULL AND ($2::text IS NULL OR status = $2)
          AND ($3::text IS NULL OR sku = $3) AND ($4::uuid IS NULL OR job_id >= $4)
          AND ($5::uuid IS NULL OR job_id < $5)
        ORDER BY job_id DESC LIMIT $6
        """,
        tenant_id,
        wanted.status,
        wanted.sku,
        wanted.since,
        before,
        limit,
    )
    return [row["job_id"] for row in rows]


async def count_jobs(
    connection: "Connection", *, tenant_id: UUID, wanted: JobFilter, at_most: int | None
) -> int:
    """How many jobs of the organization match; counting stops at ``at_most`` (None: never)."""
    counted: int = await connection.fetchval(
        """
        SELECT count(*) FROM (
          SELECT 1 FROM views.job
          WHERE tenant_id = $1 AND batch_id IS NULL AND ($2::text IS NULL OR status = $2)
            AND ($3::text IS NULL OR sku = $3) AND ($4::uuid IS NULL OR job_id >= $4)
          LIMIT $5
        ) matching
        """,
        tenant_id,
        wanted.status,
        wanted.sku,
        wanted.since,
        at_most,
    )
    return counted
