"""The queue of jobs: who is to work on what next, in the same database as the log.

A row is put in by the transaction that records ``job.queued`` and leaves with the one that records
the job's end, so neither exists without the other. A worker leases a job with a token and must show
that token to end it: one that was thought dead and comes back finds its lease gone.

scheduled → waiting → sent → leased → (row gone, or ended: kept for a retry)

Jobs of one lane of an organization are leased one at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from asyncpg import UniqueViolationError

from domain.ids import JobId, OrgId
from packshot.store.pool import DriverConnection


@dataclass(frozen=True, slots=True)
class Ticket:
    """What the queue knows of a new job beyond its events.

    Jobs of the same ``lane`` are done one after the other; None: beside any other.
    """

    priority: int
    not_before: datetime | None
    correlation_id: str
    input_url: str | None
    webhook_url: str | None
    lane: str | None = None


class LaneTaken(Exception):
    """Another job of the same lane is leased."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A job in the hands of one worker until ``lease_until``, unless it renews."""

    org_id: OrgId
    job_id: JobId
    token: UUID
    correlation_id: str
    input_url: str | None
    webhook_url: str | None


async def put(connection: DriverConnection, org_id: OrgId, job_id: JobId, ticket: Ticket) -> None:
    """Put a job into the queue; it waits at once, or until its time has come."""
    await connection.execute(
        """
        INSERT INTO work.job (tenant_id, job_id, state, priority, due_at, correlation_id,
                              input_url, webhook_url, lane)
        VALUES ($1, $2, CASE WHEN $4::timestamptz > now() THEN 'scheduled' ELSE 'waiting' END,
                $3, coalesce($4, now()), $5, $6, $7, $8)
        """,
        org_id.uuid,
        job_id.uuid,
        ticket.priority,
        ticket.not_before,
        ticket.correlation_id,
        ticket.input_url,
        ticket.webhook_url,
        ticket.lane,
    )


async def put_many(
    connection: DriverConnection, org_id: OrgId, tickets: Sequence[tuple[JobId, Ticket]]
) -> None:
    """Put the items of a batch into the queue; they share everything but where they come from."""
    shared = tickets[0][1]
    await connection.execute(
        """
        INSERT INTO work.job (tenant_id, job_id, state, priority, due_at, correlation_id,
                              input_url)
        SELECT $1, item.job_id,
               CASE WHEN $5::timestamptz > now() THEN 'scheduled' ELSE 'waiting' END,
               $4, coalesce($5, now()), $6, item.input_url
        FROM unnest($2::uuid[], $3::text[]) AS item(job_id, input_url)
        """,
        org_id.uuid,
        [job_id.uuid for job_id, _ in tickets],
        [ticket.input_url for _, ticket in tickets],
        shared.priority,
        shared.not_before,
        shared.correlation_id,
    )


async def lease(
    connection: DriverConnection, org_id: OrgId, job_id: JobId, *, lease_s: float
) -> Lease | None:
    """Take a job for ``lease_s`` seconds; None when it is not there, not due, or another's.

    The row stays locked until the transaction ends, so nobody else can end the job meanwhile.
    Raises LaneTaken, after which the transaction can only be rolled back.
    """
    token = uuid4()
    try:
        row = await connection.fetchrow(
            """
            UPDATE work.job
            SET state = 'leased', lease_token = $3, lease_until = now() + make_interval(secs => $4)
            WHERE tenant_id = $1 AND job_id = $2
              AND (state IN ('waiting', 'sent') OR (state = 'leased' AND lease_until < now()))
            RETURNING correlation_id, input_url, webhook_url
            """,
            org_id.uuid,
            job_id.uuid,
            token,
            lease_s,
        )
    except UniqueViolationError:
        raise LaneTaken from None
    if row is None:
        return None
    return Lease(org_id, job_id, token, row["correlation_id"], row["input_url"], row["webhook_url"])


async def renew(connection: DriverConnection, lease: Lease, *, lease_s: float) -> bool:
    """Keep a lease for another ``lease_s`` seconds; False when it is lost."""
    renewed = await connection.fetchval(
        """
        UPDATE work.job SET lease_until = now() + make_interval(secs => $4)
        WHERE tenant_id = $1 AND job_id = $2 AND lease_token = $3 AND state = 'leased'
        RETURNING true
        """,
        lease.org_id.uuid,
        lease.job_id.uuid,
        lease.token,
        lease_s,
    )
    return bool(renewed)


async def give_back(
    connection: DriverConnection, lease: Lease, *, not_before: datetime | None
) -> bool:
    """End a lease without an end of the job; False when it was lost."""
    given_back = await connection.fetchval(
        """
        UPDATE work.job
        SET state = CASE WHEN $4::timestamptz > now() THEN 'scheduled' ELSE 'waiting' END,
            due_at = coalesce($4, now()), lease_token = NULL, lease_until = NULL
        WHERE tenant_id = $1 AND job_id = $2 AND lease_token = $3 AND state = 'leased'
        RETURNING true
        """,
        lease.org_id.uuid,
        lease.job_id.uuid,
        lease.token,
        not_before,
    )
    return bool(given_back)


async def put_off(
    connection: DriverConnection, org_id: OrgId, job_id: JobId, *, wait_s: float
) -> None:
    """Send a job that nobody holds again after ``wait_s`` seconds, and not before."""
    await connection.execute(
        """
        UPDATE work.job SET state = 'scheduled', due_at = now() + make_interval(secs => $3)
        WHERE tenant_id = $1 AND job_id = $2 AND state IN ('waiting', 'sent')
        """,
        org_id.uuid,
        job_id.uuid,
        wait_s,
    )


async def oldest_wait_s(connection: DriverConnection, org_id: OrgId) -> float:
    """Seconds for which a job of the organization has waited for a worker; 0 when none does."""
    waited_s: float | None = await connection.fetchval(
        """
        SELECT extract(epoch FROM now() - min(due_at))::float FROM work.job
        WHERE tenant_id = $1 AND state IN ('waiting', 'sent')
        """,
        org_id.uuid,
    )
    return waited_s or 0.0


async def leave(connection: DriverConnection, lease: Lease) -> bool:
    """Take a finished job out of the queue; False when the lease was lost."""
    left = await connection.fetchval(
        """
        DELETE FROM work.job
        WHERE tenant_id = $1 AND job_id = $2 AND lease_token = $3 AND state = 'leased'
        RETURNING true
        """,
        lease.org_id.uuid,
        lease.job_id.uuid,
        lease.token,
    )
    return bool(left)


async def end(connection: DriverConnection, lease: Lease) -> bool:
    """Set a failed job aside for a retry; False when the lease was lost."""
    ended = await connection.fetchval(
        """
        UPDATE work.job
        SET state = 'ended', ended_at = now(), lease_token = NULL, lease_until = NULL
        WHERE tenant_id = $1 AND job_id = $2 AND lease_token = $3 AND state = 'leased'
        RETURNING true
        """,
        lease.org_id.uuid,
        lease.job_id.uuid,
        lease.token,
    )
    return bool(ended)


async def call_off(connection: DriverConnection, org_id: OrgId, job_id: JobId) -> str | None:
    """Set a job aside whoever holds it; its webhook's address, None when there is none."""
    webhook_url: str | None = await connection.fetchval(
        """
        UPDATE work.job
        SET state = 'ended', ended_at = now(), lease_token = NULL, lease_until = NULL
        WHERE tenant_id = $1 AND job_id = $2 AND state <> 'ended'
        RETURNING webhook_url
        """,
        org_id.uuid,
        job_id.uuid,
    )
    return webhook_url


async def call_off_many(
    connection: DriverConnection, org_id: OrgId, job_ids: Sequence[UUID]
) -> list[UUID]:
    """Set jobs aside whoever holds them; returns those that had not ended, in order."""
    rows = await connection.fetch(
        """
        WITH held AS (
          SELECT job_id FROM work.job
          WHERE tenant_id = $1 AND job_id = ANY($2) AND state <> 'ended'
          ORDER BY job_id FOR UPDATE
        )
        UPDATE work.job
        SET state = 'ended', ended_at = now(), lease_token = NULL, lease_until = NULL
        FROM held WHERE work.job.tenant_id = $1 AND work.job.job_id = held.job_id
        RETURNING work.job.job_id
        """,
        org_id.uuid,
        job_ids,
    )
    return sorted(row["job_id"] for row in rows)


async def put_back_many(
    connection: DriverConnection, org_id: OrgId, job_ids: Sequence[UUID]
) -> list[UUID]:
    """Have jobs that were set aside wait again; returns those that were still there, in order."""
    rows = await connection.fetch(
        """
        WITH held AS (
          SELECT job_id FROM work.job
          WHERE tenant_id = $1 AND job_id = ANY($2) AND state = 'ended'
          ORDER BY job_id FOR UPDATE
        )
        UPDATE work.job SET state = 'waiting', due_at = now(), ended_at = NULL
        FROM held WHERE work.job.tenant_id = $1 AND work.job.job_id = held.job_id
        RETURNING work.job.job_id
        """,
        org_id.uuid,
        job_ids,
    )
    return sorted(row["job_id"] for row in rows)


async def put_back(connection: DriverConnection, org_id: OrgId, job_id: JobId) -> bool:
    """Have a job that was set aside wait again; False when it was swept meanwhile."""
    back = await connection.fetchval(
        """
        UPDATE work.job SET state = 'waiting', due_at = now(), ended_at = NULL
        WHERE tenant_id = $1 AND job_id = $2 AND state = 'ended'
        RETURNING true
        """,
        org_id.uuid,
        job_id.uuid,
    )
    return bool(back)
