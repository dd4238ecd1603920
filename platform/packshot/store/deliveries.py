"""Webhook deliveries: put beside a job's end, and taken by senders under a lease.

A delivery is put by the transaction that records the end it tells of. A sender takes it with a
token and must show that token to say how it went, so a delivery whose sender dies is sent again:
at least once, each time under the same id.

waiting → sending → delivered, gone, exhausted; or scheduled → waiting for the next try
"""

from domain.ids import DeliveryId
from domain.job import Job
from integrations.failures import RefusedUrl
from integrations.urls import parse_url
from packshot.store.head import LogHead
from packshot.store.pool import DriverConnection


async def put(connection: DriverConnection, head: LogHead, *, job: Job, url: str) -> None:
    """Have a receiver told of the job's newest event, in the unit of work that recorded it.

    ``head`` is the one that this event's append answered.
    """
    await connection.execute(
        """
        INSERT INTO work.delivery (tenant_id, delivery_id, job_id, version, event_id, type,
                                   log_position, occurred_at, url, receiver, state, due_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'waiting', $8)
        """,
        head.org_id.uuid,
        DeliveryId.new().uuid,
        job.id,
        job.version,
        head.event_id,
        f"job.{job.status}",
        head.position,
        job.modified_on,
        url,
        receiver_of(url),
    )


def receiver_of(url: str) -> str:
    """Scheme, host and port of an address; empty for one that is not called any more.

    Such an address was right when it was given. The end of its job must not fail over it.
    """
    try:
        target = parse_url(url)
    except RefusedUrl:
        return ""
    return f"{target.scheme}://{target.host} {target.port}"
