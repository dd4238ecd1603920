"""The view of usage: what an organization asked for and got, by day, actor, operation and endpoint.

It is counted from the log alone, so it can be counted again at any time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal
from uuid import UUID

if TYPE_CHECKING:
    from projections.projection import Connection

GroupBy = Literal["day", "key", "operation", "endpoint"]


class UsageView:
    """One row per day, actor, operation and endpoint, each a sum over what happened.

    A thing counts for whoever asked for it first, on the day on which it happened. A job was asked
    for when it was begun (its second event): there it can be told whether it was queued. Batches
    count by their items; jobs that carry out a publish or read a catalog are not counted as such.
    """

    name = "usage"
    statement = """
        WITH happened AS MATERIALIZED (
          SELECT e.stream_id, e.type, e.data, (e.at AT TIME ZONE 'UTC')::date AS day
          FROM es.event e
          WHERE e.tenant_id = $1 AND e.seq > $2 AND e.seq <= $3
            AND (e.version = 2 AND e.type IN ('job.queued.v1', 'job.started.v1')
                 OR e.type IN ('job.succeeded.v1', 'job.failed.v1', 'publish.requested.v1',
                               'publish.succeeded.v1', 'publish.failed.v1'))
        ), told AS (
          SELECT h.type, h.data, h.day, actor.type AS actor_type, actor.id AS actor_id,
                 begun.type = 'job.queued.v1' AS was_queued, asked.operation
          FROM happened h
          JOIN es.event first ON first.tenant_id = $1 AND first.stream_id = h.stream_id
               AND first.version = 1
          LEFT JOIN es.event begun ON begun.tenant_id = $1 AND begun.stream_id = h.stream_id
               AND begun.version = 2 AND split_part(begun.type, '.', 1) = 'job'
          CROSS JOIN LATERAL json_to_record(first.meta -> 'actor') AS actor(type text, id text)
          CROSS JOIN LATERAL (
            SELECT CASE WHEN first.type <> 'publish.requested.v1' THEN first.data ->> 'operation'
                        WHEN first.data ->> 'undo_of' IS NULL THEN 'publish'
                        ELSE 'rollback' END AS operation
          ) AS asked
          WHERE first.type = 'publish.requested.v1'
             OR (first.data ->> 'items' IS NULL
                 AND first.data ->> 'operation' NOT IN ('publish', 'catalog/sync'))
        ), counted AS (
          SELECT t.*,
                 CASE WHEN t.actor_type = 'user' THEN 'pages'
                      WHEN t.actor_type <> 'key' THEN 'system'
                      WHEN t.operation = 'publish' THEN '/api/v1/publishes'
                      WHEN t.operation = 'rollback' THEN '/api/v1/publishes/{{publishId}}/rollback'
                      WHEN t.was_queued THEN '/api/v1/jobs'
                      ELSE '/api/v1/' || t.operation END AS endpoint,
                 made.pictures, made.bytes, (t.data ->> 'cached')::boolean AS is_cached
          FROM told t
          LEFT JOIN LATERAL (
            SELECT count(*) AS pictures, sum((output.value ->> 'size_bytes')::bigint) AS bytes
            FROM json_array_elements(t.data -> 'outputs') AS output
          ) AS made ON t.type = 'job.succeeded.v1'
        )
        INSERT INTO {table} AS held (tenant_id, day, actor_type, actor_id, operation, endpoint,
                                     jobs, outputs, cached, failed, output_bytes,
                                     publishes, published)
        SELECT $1, day, actor_type, actor_id, operation, endpoint,
               count(*) FILTER (WHERE type IN ('job.queued.v1', 'job.started.v1')),
               coalesce(sum(pictures) FILTER (WHERE NOT is_cached), 0),
               coalesce(sum(pictures) FILTER (WHERE is_cached), 0),
               count(*) FILTER (WHERE type IN ('job.failed.v1', 'publish.failed.v1')),
               coalesce(sum(bytes) FILTER (WHERE NOT is_cached), 0),
               count(*) FILTER (WHERE type = 'publish.requested.v1'),
               count(*) FILTER (WHERE type = 'publish.succeeded.v1')
        FROM counted
        GROUP BY day, actor_type, actor_id, operation, endpoint
        ON CONFLICT (tenant_id, day, actor_type, actor_id, operation, endpoint)
        DO UPDATE SET jobs = held.jobs + excluded.jobs,
                      outputs = held.outputs + excluded.outputs,
                      cached = held.cached + excluded.cached,
                      failed = held.failed + excluded.failed,
                      output_bytes = held.output_bytes + excluded.output_bytes,
                      publishes = held.publishes + excluded.publishes,
                      published = held.published + excluded.published
    """


@dataclass(frozen=True, slots=True)
class Used:
    """What was asked for and got; ``output_bytes`` are those of ``outputs``."""

    jobs: int = 0
    outputs: int = 0
    cached: int = 0
    failed: int = 0
    output_bytes: int = 0
    publishes: int = 0
    published: int = 0

    def __add__(self, other: "Used") -> "Used":
        """Both together."""
        return Used(*(getattr(self, name) + getattr(other, name) for name in Used.__slots__))


async def sum_usage(
    connection: "Connection", *, tenant_id: UUID, group_by: GroupBy, since: date, until: date
) -> Sequence[tuple[str, Used]]:
    """What the organization used from one day to another, both included, by group.

    The group is a day (ISO 8601), an operation, an endpoint, or the public id of a key; what no key
    asked for is in the groups ``user`` and ``system``.
    """
    rows = await connection.fetch(
        """
        SELECT CASE $2 WHEN 'day' THEN day::text WHEN 'operation' THEN operation
                       WHEN 'endpoint' THEN endpoint
                       ELSE CASE actor_type WHEN 'key' THEN actor_id ELSE actor_type END END
                 AS named,
               sum(jobs)::bigint AS jobs, sum(outputs)::bigint AS outputs,
               sum(cached)::bigint AS cached, sum(failed)::bigint AS failed,
               sum(output_bytes)::bigint AS output_bytes,
               sum(publishes)::bigint AS publishes, sum(published)::bigint AS published
        FROM views.usage
        WHERE tenant_id = $1 AND day BETWEEN $3 AND $4
        GROUP BY 1 ORDER BY 1
        """,
        tenant_id,
        group_by,
        since,
        until,
    )
    return [(row["named"], Used(*(row[name] for name in Used.__slots__))) for row in rows]
