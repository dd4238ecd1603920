"""The views of connections and of their last syncs: right at once.

A connection itself is read from its events; the view says which there are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain.catalog_sync import CatalogSync
from domain.connection import Connection
from domain.ids import IntegrationId
from domain.recorded import Happened

if TYPE_CHECKING:
    from projections.projection import Connection as Database


class ConnectionsView:
    """One row per connection, also of one that is over."""

    name = "connection"
    topics = frozenset({Connection.Connected.TOPIC, Connection.Disconnected.TOPIC})
    statement = """
        INSERT INTO views.connection (tenant_id, integration_id, is_over)
        SELECT head.tenant_id, r.integration_id, bool_or(r.is_over)
        FROM head, json_to_recordset({rows}) AS r(integration_id uuid, is_over boolean)
        GROUP BY head.tenant_id, r.integration_id
        ON CONFLICT (tenant_id, integration_id)
        DO UPDATE SET is_over = connection.is_over OR excluded.is_over
    """

    def rows(self, happened: Happened) -> list[Mapping[str, Any]]:
        """Whether the connection is over."""
        is_over = happened.type == Connection.Disconnected.TOPIC
        return [{"integration_id": happened.stream_id, "is_over": is_over}]


class CatalogSyncsView:
    """One row per connection whose catalog was read to its end."""

    name = "catalog_sync"
    topics = frozenset({CatalogSync.Synced.TOPIC})
    statement = """
        INSERT INTO views.catalog_sync (tenant_id, integration_id, sync_id, at, items, changed,
                                        removed)
        SELECT head.tenant_id, r.integration_id, r.sync_id, r.at, r.items, r.changed, r.removed
        FROM head, json_to_recordset({rows})
             AS r(integration_id uuid, sync_id uuid, at timestamptz, items int, changed int,
                  removed int)
        ON CONFLICT (tenant_id, integration_id)
        DO UPDATE SET sync_id = excluded.sync_id, at = excluded.at, items = excluded.items,
                      changed = excluded.changed, removed = excluded.removed
        WHERE catalog_sync.at <= excluded.at
    """

    def rows(self, happened: Happened) -> list[Mapping[str, Any]]:
        """What the sync came to."""
        return [
            {
                "integration_id": IntegrationId.parse(happened.data["integration_id"]).uuid,
                "sync_id": happened.stream_id,
                "at": happened.at,
                "items": happened.data["items"],
                "changed": happened.data["changed"],
                "removed": happened.data["removed"],
            }
        ]


@dataclass(frozen=True, slots=True)
class Synced:
    """When a catalog was last read to its end, and what came of it."""

    at: datetime
    items: int
    changed: int
    removed: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a sync is: pages that were read, and the listings on them."""

    pages: int
    seen: int


async def list_connections(
    database: "Database", *, tenant_id: UUID, after: UUID | None, limit: int
) -> list[UUID]:
    """Ids of the organization's connections, oldest first; ``after`` is the last one told."""
    rows = await database.fetch(
        """
        SELECT integration_id FROM views.connection
        WHERE tenant_id = $1 AND NOT is_over AND ($2::uuid IS NULL OR integration_id > $2)
        ORDER BY integration_id LIMIT $3
        """,
        tenant_id,
        after,
        limit,
    )
    return [row["integration_id"] for row in rows]


async def count_connections(database: "Database", *, tenant_id: UUID) -> int:
    """How many connections the organization has."""
    counted: int = await database.fetchval(
        "SELECT count(*) FROM views.connection WHERE tenant_id = $1 AND NOT is_over", tenant_id
    )
    return counted


async def last_synced(
    database: "Database", *, tenant_id: UUID, integration_ids: Sequence[UUID]
) -> dict[UUID, Synced]:
    """The last whole sync of each of these connections; those without one are left out."""
    rows = await database.fetch(
        """
        SELECT integration_id, at, items, changed, removed FROM views.catalog_sync
        WHERE tenant_id = $1 AND integration_id = ANY($2)
        """,
        tenant_id,
        integration_ids,
    )
    return {
        row["integration_id"]: Synced(row["at"], row["items"], row["changed"], row["removed"])
        for row in rows
    }


async def sync_progress(database: "Database", *, tenant_id: UUID, sync_id: UUID) -> Progress:
    """How far a sync is; of one that has not begun, nothing.

    Added up where the events lie: a large catalog's pages are hundreds of megabytes.
    """
    row = await database.fetchrow(
        """
        SELECT count(*) AS pages, coalesce(sum((data ->> 'seen')::int), 0)::int AS seen
        FROM es.event WHERE tenant_id = $1 AND stream_id = $2 AND type = $3
        """,
        tenant_id,
        sync_id,
        CatalogSync.PageFetched.TOPIC,
    )
    assert row is not None  # an aggregate always gives a row
    return Progress(row["pages"], row["seen"])
