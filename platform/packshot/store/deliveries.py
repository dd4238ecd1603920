"""Webhook deliveries: put beside a job's end, and taken by senders under a lease.

A delivery is put by the transaction that records the end it tells of. A sender takes it with a
token and must show that token to say how it went, so a delivery whose sender dies is sent again:
at least once, each time under the same id.

waiting → sending → delivered, gone, exhausted; or scheduled → waiting for the next try
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID, uuid4

import asyncpg
import orjson

from domain.ids import DeliveryId, EventId, JobId, OrgId
from domain.job import Job
from domain.webhook_schedule import MOST_TRIES
from integrations.failures import RefusedUrl
from integrations.urls import parse_url
from packshot.store.head import LogHead
from packshot.store.pool import DriverConnection

Outcome = Literal["delivered", "gone", "exhausted", "scheduled"]
Pair = tuple[str, UUID]

FIRST: Pair = ("", UUID(int=0))

MOST_PER_RECEIVER = 4
# A quarter of what one sender has under way: eight hundred hosts of one organization that never
# answer would otherwise be all that is sent, for a quarter of a minute each.
MOST_PER_ORGANIZATION = 16
# Pairs of receiver and organization that one look goes through; the next look goes on behind them.
MOST_PAIRS = 200
KEPT = timedelta(days=30)
CLAIM_LOCK = 0x77686B73  # "whks"

# Two senders that count at the same time would take four of a receiver each; what waits is taken by
# nobody else meanwhile. And a plan is made once, perhaps when no delivery waits: it must be the
# right one for ten thousand too.
ALONE_AND_BY_INDEX = """
SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
       set_config('enable_mergejoin', 'off', true), pg_advisory_xact_lock($1)
"""

# $1 lease's end, $2 its token, $3 how many at most, $4 of a receiver at once, $5 pairs looked at,
# $6 and $7 the pair to go on after, $8 of an organization at once.
CLAIM = """
WITH RECURSIVE pair AS (
  (SELECT receiver, tenant_id, 1 AS nth FROM work.delivery
   WHERE state = 'waiting' AND (receiver, tenant_id) > ($6, $7)
   ORDER BY receiver, tenant_id LIMIT 1)
  UNION ALL
  SELECT hop.receiver, hop.tenant_id, pair.nth + 1
  FROM pair CROSS JOIN LATERAL (
    SELECT d.receiver, d.tenant_id FROM work.delivery d
    WHERE d.state = 'waiting' AND (d.receiver, d.tenant_id) > (pair.receiver, pair.tenant_id)
    ORDER BY d.receiver, d.tenant_id LIMIT 1) hop
  WHERE pair.nth < $5
), sending AS MATERIALIZED (
  SELECT receiver, tenant_id, count(*) AS n FROM work.delivery
  WHERE state = 'sending' GROUP BY receiver, tenant_id
), loaded AS MATERIALIZED (
  SELECT pair.receiver, pair.tenant_id, sum(s.n) AS busy,
         sum(s.n) FILTER (WHERE s.tenant_id = pair.tenant_id) AS own
  FROM pair LEFT JOIN sending s ON s.receiver = pair.receiver
  GROUP BY pair.receiver, pair.tenant_id
), turn AS (
  SELECT loaded.receiver, loaded.tenant_id, loaded.busy, next.delivery_id, next.due_at,
         coalesce(loaded.own, 0) + row_number()
           OVER (PARTITION BY loaded.receiver, loaded.tenant_id ORDER BY next.due_at) AS turn
  FROM loaded CROSS JOIN LATERAL (
    SELECT d.delivery_id, d.due_at FROM work.delivery d
    WHERE d.state = 'waiting' AND d.receiver = loaded.receiver AND d.tenant_id = loaded.tenant_id
    ORDER BY d.due_at LIMIT $4 - least(coalesce(loaded.busy, 0), $4)) next
), place AS (
  SELECT turn.*, coalesce(turn.busy, 0) + row_number()
           OVER (PARTITION BY receiver ORDER BY turn, due_at) AS place
  FROM turn
), share AS (
  SELECT place.tenant_id, place.delivery_id, place.turn, place.due_at,
         coalesce(everywhere.n, 0) + row_number()
           OVER (PARTITION BY place.tenant_id ORDER BY place.turn, place.due_at) AS share
  FROM place LEFT JOIN (SELECT tenant_id, sum(n) AS n FROM sending GROUP BY tenant_id) everywhere
    ON everywhere.tenant_id = place.tenant_id
  WHERE place.place <= $4
), chosen AS (
  SELECT tenant_id, delivery_id FROM share WHERE share <= $8 ORDER BY turn, due_at LIMIT $3
), taken AS (
  UPDATE work.delivery
  SET state = 'sending', attempt = attempt + 1, lease_token = $2, lease_until = $1
  FROM chosen
  WHERE work.delivery.tenant_id = chosen.tenant_id
    AND work.delivery.delivery_id = chosen.delivery_id
  RETURNING work.delivery.*
)
SELECT taken.*, last.receiver AS last_receiver, last.tenant_id AS last_tenant_id
FROM (SELECT receiver, tenant_id FROM pair WHERE nth = $5) last FULL JOIN taken ON true
"""


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


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery in the hands of one sender until ``lease_until``.

    ``attempt`` counts this try, from 1. What is told is the job as it was at ``version``.
    """

    org_id: OrgId
    delivery_id: DeliveryId
    job_id: JobId
    version: int
    event_id: EventId
    type: str
    position: int
    occurred_at: datetime
    url: str = field(repr=False)
    attempt: int
    token: UUID
    lease_until: datetime


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a look took, and the pair of receiver and organization to go on after."""

    deliveries: list[Delivery]
    after: Pair


@dataclass(frozen=True, slots=True)
class Try:
    """How one try went: ``error`` is a word, None when the receiver took the event."""

    at: datetime
    http_status: int | None
    duration_ms: int
    error: str | None

    def as_dict(self) -> dict[str, Any]:
        """The try as the delivery's row keeps it, JSON-native."""
        return {
            "at": self.at.isoformat(),
            "httpStatus": self.http_status,
            "durationMs": self.duration_ms,
            "error": self.error,
        }


async def wake(connection: DriverConnection, *, now: datetime) -> int:
    """Let deliveries wait whose next try is due or whose sender was lost; returns how many.

    One whose last try was lost with its sender is exhausted: it may be what senders die of.
    """
    due = await connection.execute(
        """
        UPDATE work.delivery SET state = 'waiting' WHERE (tenant_id, delivery_id) IN (
          SELECT tenant_id, delivery_id FROM work.delivery
          WHERE state = 'scheduled' AND due_at <= $1
          ORDER BY due_at LIMIT 1000 FOR UPDATE SKIP LOCKED)
        """,
        now,
    )
    lost = await connection.execute(
        """
        UPDATE work.delivery
        SET state = CASE WHEN attempt < $2 THEN 'waiting' ELSE 'exhausted' END,
            ended_at = CASE WHEN attempt < $2 THEN NULL ELSE $1 END,
            lease_token = NULL, lease_until = NULL
        WHERE (tenant_id, delivery_id) IN (
          SELECT tenant_id, delivery_id FROM work.delivery
          WHERE state = 'sending' AND lease_until < $1
          ORDER BY lease_until LIMIT 1000 FOR UPDATE SKIP LOCKED)
        """,
        now,
        MOST_TRIES,
    )
    return _count(due) + _count(lost)


async def claim(
    connection: DriverConnection, *, now: datetime, most: int, lease_s: float, after: Pair = FIRST
) -> Claimed:
    """Take waiting deliveries, at most ``most``, in a transaction that is open.

    Of one receiver four at most are being sent at once, whoever sends them, so one that is slow
    keeps nobody else's waiting. Whoever has the fewest under way is next, organizations of one
    receiver too; among equals the oldest. The recursion hops along the index from one waiting
    pair of receiver and organization to the next: how many wait in each costs nothing. It begins
    behind ``after``.
    """
    await connection.execute(ALONE_AND_BY_INDEX, CLAIM_LOCK)
    rows = await connection.fetch(
        CLAIM,
        now + timedelta(seconds=lease_s),
        uuid4(),
        most,
        MOST_PER_RECEIVER,
        MOST_PAIRS,
        *after,
        MOST_PER_ORGANIZATION,
    )
    is_more = bool(rows) and rows[0]["last_receiver"] is not None
    last = (rows[0]["last_receiver"], rows[0]["last_tenant_id"]) if is_more else FIRST
    return Claimed([_delivery(row) for row in rows if row["delivery_id"] is not None], last)


async def settle(
    connection: DriverConnection,
    delivery: Delivery,
    made: Try,
    *,
    state: Outcome,
    due_at: datetime | None = None,
) -> bool:
    """Note how a try went and what comes next; False when the lease was lost.

    ``due_at`` is when a delivery that is ``scheduled`` is tried again.
    """
    settled = await connection.fetchval(
        """
        UPDATE work.delivery
        SET state = $4, due_at = coalesce($5, due_at),
            ended_at = CASE WHEN $4 <> 'scheduled' THEN $6::timestamptz END,
            lease_token = NULL, lease_until = NULL, attempts = attempts || $7::jsonb
        WHERE tenant_id = $1 AND delivery_id = $2 AND lease_token = $3
        RETURNING true
        """,
        delivery.org_id.uuid,
        delivery.delivery_id.uuid,
        delivery.token,
        state,
        due_at,
        made.at,
        orjson.dumps([made.as_dict()]).decode(),
    )
    return bool(settled)


async def sweep(connection: DriverConnection, *, now: datetime) -> int:
    """Forget deliveries that ended 30 days ago; returns how many, a thousand at the most."""
    return _count(
        await connection.execute(
            """
            DELETE FROM work.delivery WHERE (tenant_id, delivery_id) IN (
              SELECT tenant_id, delivery_id FROM work.delivery
              WHERE ended_at < $1 LIMIT 1000 FOR UPDATE SKIP LOCKED)
            """,
            now - KEPT,
        )
    )


def _delivery(row: asyncpg.Record) -> Delivery:
    return Delivery(
        org_id=OrgId(row["tenant_id"]),
        delivery_id=DeliveryId(row["delivery_id"]),
        job_id=JobId(row["job_id"]),
        version=row["version"],
        event_id=EventId(row["event_id"]),
        type=row["type"],
        position=row["log_position"],
        occurred_at=row["occurred_at"],
        url=row["url"],
        attempt=row["attempt"],
        token=row["lease_token"],
        lease_until=row["lease_until"],
    )


def _count(tag: str) -> int:
    """The number at the end of a command's tag, such as ``UPDATE 3``."""
    return int(tag.rpartition(" ")[2])
