"""How many items of each batch are left, counted by the transactions that end them.

Whoever changes a batch holds its row from here to the commit, so exactly one item is the last one.
Rows are locked in one order everywhere: the queue's rows, the batch's row, the log's head.
"""

from dataclasses import dataclass

from domain.ids import JobId, OrgId
from packshot.store.pool import DriverConnection

KEPT_FOR_RETRY = "7 days"


@dataclass(frozen=True, slots=True)
class Tally:
    """How the items of a batch stand, and what its row knows beyond its events."""

    items_left: int
    succeeded: int
    failed: int
    cancelled: int
    correlation_id: str
    webhook_url: str | None


async def put(
    connection: DriverConnection,
    org_id: OrgId,
    batch_id: JobId,
    *,
    items: int,
    correlation_id: str,
    webhook_url: str | None,
) -> None:
    """Begin to count the items of a batch."""
    await connection.execute(
        """
        INSERT INTO work.batch (tenant_id, job_id, items_left, correlation_id, webhook_url)
        VALUES ($1, $2, $3, $4, $5)
        """,
        org_id.uuid,
        batch_id.uuid,
        items,
        correlation_id,
        webhook_url,
    )


async def begin(connection: DriverConnection, org_id: OrgId, batch_id: JobId) -> bool:
    """Note that an item is started; True for the first one since the batch was queued."""
    is_first = await connection.fetchval(
        """
        UPDATE work.batch SET is_begun = true
        WHERE tenant_id = $1 AND job_id = $2 AND NOT is_begun
        RETURNING true
        """,
        org_id.uuid,
        batch_id.uuid,
    )
    return bool(is_first)


async def count(
    connection: DriverConnection,
    org_id: OrgId,
    batch_id: JobId,
    *,
    succeeded: int = 0,
    failed: int = 0,
    cancelled: int = 0,
) -> Tally | None:
    """Count items that end in this transaction; None when the batch is not known any more."""
    row = await connection.fetchrow(
        """
        UPDATE work.batch
        SET items_left = items_left - ($3::int + $4::int + $5::int),
            succeeded = succeeded + $3::int, failed = failed + $4::int,
            cancelled = cancelled + $5::int,
            ended_at = CASE WHEN items_left = $3::int + $4::int + $5::int THEN now() END
        WHERE tenant_id = $1 AND job_id = $2
        RETURNING items_left, succeeded, failed, cancelled, correlation_id, webhook_url
        """,
        org_id.uuid,
        batch_id.uuid,
        succeeded,
        failed,
        cancelled,
    )
    return None if row is None else Tally(**row)


async def reopen(connection: DriverConnection, org_id: OrgId, batch_id: JobId) -> int:
    """Have a batch that ended wait for its unsuccessful items again; returns how many these are.

    None are left of a batch that has not ended, or is not known any more.
    """
    reopened: int | None = await connection.fetchval(
        """
        UPDATE work.batch
        SET items_left = failed + cancelled, failed = 0, cancelled = 0,
            is_begun = false, ended_at = NULL
        WHERE tenant_id = $1 AND job_id = $2 AND items_left = 0 AND failed + cancelled > 0
        RETURNING items_left
        """,
        org_id.uuid,
        batch_id.uuid,
    )
    return reopened or 0


async def sweep_ended(connection: DriverConnection) -> int:
    """Forget batches that ended and were not retried; returns how many, 1000 at the most."""
    tag = await connection.execute(
        """
        DELETE FROM work.batch WHERE (tenant_id, job_id) IN (
          SELECT tenant_id, job_id FROM work.batch
          WHERE ended_at < now() - $1::text::interval
          LIMIT 1000 FOR UPDATE SKIP LOCKED)
        """,
        KEPT_FOR_RETRY,
    )
    return int(tag.rpartition(" ")[2])
