"""What the relay asks of the queue: which jobs are due, fairly, and which were lost on their way.

Every statement serves all organizations and names each row's own. Each looks only at what an index
of that very state holds, so a long queue costs what a short one does.
"""

from dataclasses import dataclass
from uuid import UUID

from domain.ids import JobId, OrgId
from packshot.store.pool import DriverConnection

RESEND_AFTER_S = 10.0
KEPT_FOR_RETRY = "7 days"
BEFORE_ALL = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Due:
    """A job whose turn has come."""

    org_id: OrgId
    job_id: JobId


@dataclass(frozen=True, slots=True)
class UnderWay:
    """Jobs that no longer wait: ``sent`` to the broker and unclaimed, ``leased`` by workers."""

    sent: int
    leased: int


async def wake_scheduled(connection: DriverConnection) -> int:
    """Let jobs wait whose time has come; returns how many."""
    return _count(
        await connection.execute(
            """
            UPDATE work.job SET state = 'waiting' WHERE (tenant_id, job_id) IN (
              SELECT tenant_id, job_id FROM work.job
              WHERE state = 'scheduled' AND due_at <= now()
              ORDER BY due_at LIMIT 1000 FOR UPDATE SKIP LOCKED)
            """
        )
    )


async def take_back_unclaimed(connection: DriverConnection) -> int:
    """Let jobs wait again that no worker claimed in time; returns how many."""
    return _count(
        await connection.execute(
            """
            UPDATE work.job SET state = 'waiting', sent_at = NULL WHERE (tenant_id, job_id) IN (
              SELECT tenant_id, job_id FROM work.job
              WHERE state = 'sent' AND sent_at < now() - make_interval(secs => $1)
              ORDER BY sent_at LIMIT 1000 FOR UPDATE SKIP LOCKED)
            """,
            RESEND_AFTER_S,
        )
    )


async def take_back_lost(connection: DriverConnection) -> int:
    """Let jobs wait again whose worker has let its lease run out; returns how many."""
    return _count(
        await connection.execute(
            """
            UPDATE work.job
            SET state = 'waiting', sent_at = NULL, lease_token = NULL, lease_until = NULL
            WHERE (tenant_id, job_id) IN (
              SELECT tenant_id, job_id FROM work.job
              WHERE state = 'leased' AND lease_until < now()
              ORDER BY lease_until LIMIT 1000 FOR UPDATE SKIP LOCKED)
            """
        )
    )


async def count_under_way(connection: DriverConnection) -> UnderWay:
    """How many jobs of all organizations are with the broker, and how many with workers."""
    row = await connection.fetchrow(
        """
        SELECT (SELECT count(tenant_id) FROM work.job WHERE state = 'sent') AS sent,
               (SELECT count(tenant_id) FROM work.job WHERE state = 'leased') AS leased
        """
    )
    assert row is not None
    return UnderWay(row["sent"], row["leased"])


async def next_in_turn(connection: DriverConnection, *, after: UUID | None, most: int) -> list[Due]:
    """At most ``most`` due jobs: a first of each organization, then a second of each, and so on.

    Organizations are in order, beginning after one. The recursion hops from one to the next along
    the index, so those who wait long cost no more than those who wait alone: it asks for the whole
    order of ``job_waiting``, since the primary key has tenant_id first too, but every state in it.
    Within one, higher priorities come first, then the oldest. One that is suspended or closed is
    hopped over and counts for nothing: its jobs wait.
    """
    rows = await connection.fetch(
        """
        WITH RECURSIVE orgs AS (
          (SELECT job.tenant_id, head.admits, head.admits::int AS nth
           FROM (SELECT tenant_id FROM work.job
                 WHERE state = 'waiting' AND tenant_id > $1
                 ORDER BY tenant_id, priority DESC, job_id LIMIT 1) job
           JOIN es.tenant_head head ON head.tenant_id = job.tenant_id)
          UNION ALL
          SELECT hop.tenant_id, head.admits, orgs.nth + head.admits::int
          FROM orgs CROSS JOIN LATERAL (
            SELECT tenant_id FROM work.job
            WHERE state = 'waiting' AND tenant_id > orgs.tenant_id
            ORDER BY tenant_id, priority DESC, job_id LIMIT 1) hop
          JOIN es.tenant_head head ON head.tenant_id = hop.tenant_id
          WHERE orgs.nth < $2
        )
        SELECT orgs.tenant_id, due.job_id
        FROM orgs CROSS JOIN LATERAL (
          SELECT job_id, row_number() OVER (ORDER BY priority DESC, job_id) AS turn
          FROM (SELECT priority, job_id FROM work.job
                WHERE work.job.tenant_id = orgs.tenant_id AND state = 'waiting'
                ORDER BY priority DESC, job_id LIMIT $2) first) due
        WHERE orgs.admits
        ORDER BY due.turn, orgs.nth LIMIT $2
        """,
        after or BEFORE_ALL,
        most,
    )
    return [Due(OrgId(row["tenant_id"]), JobId(row["job_id"])) for row in rows]


async def mark_sent(connection: DriverConnection, due: list[Due]) -> None:
    """Note that these were given to the broker.

    One that a worker or a cancellation holds is no longer this one's to note; waiting for several
    at once could deadlock with the cancellation of a batch. Each is looked up by itself: joined, a
    queue that was filled since its statistics were taken was read from end to end.
    """
    await connection.execute(
        """
        UPDATE work.job SET state = 'sent', sent_at = now() WHERE (tenant_id, job_id) IN (
          SELECT j.tenant_id, j.job_id
          FROM unnest($1::uuid[], $2::uuid[]) AS sent(tenant_id, job_id)
          CROSS JOIN LATERAL (
            SELECT tenant_id, job_id FROM work.job
            WHERE work.job.tenant_id = sent.tenant_id AND work.job.job_id = sent.job_id
              AND state = 'waiting' FOR UPDATE SKIP LOCKED) j)
        """,
        [job.org_id.uuid for job in due],
        [job.job_id.uuid for job in due],
    )


async def sweep_ended(connection: DriverConnection) -> int:
    """Forget jobs that were set aside and never retried; returns how many."""
    return _count(
        await connection.execute(
            """
            DELETE FROM work.job WHERE (tenant_id, job_id) IN (
              SELECT tenant_id, job_id FROM work.job
              WHERE state = 'ended' AND ended_at < now() - $1::text::interval
              LIMIT 1000 FOR UPDATE SKIP LOCKED)
            """,
            KEPT_FOR_RETRY,
        )
    )


def _count(tag: str) -> int:
    """The number at the end of a command's tag, such as ``UPDATE 3``."""
    return int(tag.rpartition(" ")[2])
