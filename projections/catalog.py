"""The view of the catalog: the listings of every connected shop, as their last sync told them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson

from domain.ids import IntegrationId, ItemId

if TYPE_CHECKING:
    from asyncpg import Record

    from projections.projection import Connection


class CatalogView:
    """One row per listing that is there; what a shop tells no more, or a shop let go, has none.

    A connection that is over never begins again, so its pages leave nothing, however the log is
    cut. Readers ask ``views.connection`` besides: this view may be behind.
    """

    name = "catalog_item"
    statement = """
        WITH page AS MATERIALIZED (
          SELECT e.seq, e.data FROM es.event e
          WHERE e.tenant_id = $1 AND e.seq > $2 AND e.seq <= $3
            AND e.type = 'catalog.page-fetched.v1'
        ), told AS (
          SELECT page.seq, (item.value ->> 'item_id')::uuid AS item_id, item.value AS item
          FROM page, LATERAL json_array_elements(page.data -> 'items') AS item
          UNION ALL
          SELECT page.seq, gone.item_id::uuid, NULL
          FROM page, LATERAL json_array_elements_text(page.data -> 'removed') AS gone(item_id)
        ), newest AS (
          SELECT DISTINCT ON (item_id) * FROM told ORDER BY item_id, seq DESC
        ), removed AS (
          DELETE FROM {table} r USING newest
          WHERE r.tenant_id = $1 AND r.item_id = newest.item_id AND newest.item IS NULL
        ), let_go AS (
          DELETE FROM {table} r USING es.event over
          WHERE over.tenant_id = $1 AND over.seq > $2 AND over.seq <= $3
            AND over.type = 'connection.disconnected.v1'
            AND r.tenant_id = $1 AND r.integration_id = over.stream_id
        )
        INSERT INTO {table} (tenant_id, item_id, integration_id, position, remote_id, sku, title,
                             url, images, digest, updated_at)
        SELECT $1, newest.item_id, r.integration_id, newest.seq, r.remote_id, r.sku, r.title,
               r.url, r.images, r.digest, r.updated_at
        FROM newest,
             LATERAL json_to_record(newest.item)
                     AS r(integration_id uuid, remote_id text, sku text, title text, url text,
                          images jsonb, digest text, updated_at timestamptz)
        WHERE newest.item IS NOT NULL
          AND NOT EXISTS (SELECT FROM es.event over
                          WHERE over.tenant_id = $1 AND over.seq <= $3
                            AND over.stream_id = r.integration_id
                            AND over.type = 'connection.disconnected.v1')
        ON CONFLICT (tenant_id, item_id)
        DO UPDATE SET position = excluded.position, sku = excluded.sku, title = excluded.title,
                      url = excluded.url, images = excluded.images, digest = excluded.digest,
                      updated_at = excluded.updated_at
    """


@dataclass(frozen=True, slots=True)
class Listing:
    """A listing of a connected shop.

    ``url`` and those of ``images`` are as the shop told them: absolute, or a path below its own
    address.
    """

    item_id: ItemId
    integration_id: IntegrationId
    remote_id: str
    sku: str
    title: str
    url: str | None
    images: Sequence[Mapping[str, Any]]
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class CatalogFilter:
    """Which listings are meant; None means any. ``q`` are words in any order.

    A listing is meant when each of them is a part of its title or of its SKU, capitals or not.
    """

    integration_id: IntegrationId | None = None
    q: str | None = None

    @property
    def words(self) -> list[str]:
        """What is looked for; nothing is in every listing."""
        return (self.q or "").split()


async def list_catalog(
    connection: "Connection",
    *,
    tenant_id: UUID,
    wanted: CatalogFilter,
    after: tuple[str, UUID] | None,
    limit: int,
) -> list[Listing]:
    """Listings by SKU; ``after`` is SKU and item id of the last one already told."""
    sku, item_id = after or (None, None)
    rows = await connection.fetch(
        """
        SELECT c.* FROM views.catalog_item c
        JOIN views.connection s ON s.tenant_id = c.tenant_id
             AND s.integration_id = c.integration_id AND NOT s.is_over
        WHERE c.tenant_id = $1 AND ($2::uuid IS NULL OR c.integration_id = $2)
          AND NOT EXISTS (SELECT FROM unnest($3::text[]) AS word
                          WHERE strpos(lower(c.title), lower(word)) = 0
                            AND strpos(lower(c.sku), lower(word)) = 0)
          AND ($4::text IS NULL OR (c.sku, c.item_id) > ($4, $5::uuid))
        ORDER BY c.sku, c.item_id LIMIT $6
        """,
        tenant_id,
        None if wanted.integration_id is None else wanted.integration_id.uuid,
        wanted.words,
        sku,
        item_id,
        limit,
    )
    return [_listing(row) for row in rows]


async def count_catalog(
    connection: "Connection", *, tenant_id: UUID, wanted: CatalogFilter, at_most: int | None
) -> int:
    """How many listings match; counting stops at ``at_most`` (None: never)."""
    counted: int = await connection.fetchval(
        """
        SELECT count(*) FROM (
          SELECT FROM views.catalog_item c
          JOIN views.connection s ON s.tenant_id = c.tenant_id
               AND s.integration_id = c.integration_id AND NOT s.is_over
          WHERE c.tenant_id = $1 AND ($2::uuid IS NULL OR c.integration_id = $2)
            AND NOT EXISTS (SELECT FROM unnest($3::text[]) AS word
                            WHERE strpos(lower(c.title), lower(word)) = 0
                              AND strpos(lower(c.sku), lower(word)) = 0)
          LIMIT $4
        ) AS matching
        """,
        tenant_id,
        None if wanted.integration_id is None else wanted.integration_id.uuid,
        wanted.words,
        at_most,
    )
    return counted


async def find_listing(
    connection: "Connection", *, tenant_id: UUID, item_id: UUID
) -> Listing | None:
    """The listing of that id in that organization, or None."""
    row = await connection.fetchrow(
        """
        SELECT c.* FROM views.catalog_item c
        JOIN views.connection s ON s.tenant_id = c.tenant_id
             AND s.integration_id = c.integration_id AND NOT s.is_over
        WHERE c.tenant_id = $1 AND c.item_id = $2
        """,
        tenant_id,
        item_id,
    )
    return None if row is None else _listing(row)


def _listing(row: "Record") -> Listing:
    return Listing(
        item_id=ItemId(row["item_id"]),
        integration_id=IntegrationId(row["integration_id"]),
        remote_id=row["remote_id"],
        sku=row["sku"],
        title=row["title"],
        url=row["url"],
        images=orjson.loads(row["images"]),
        updated_at=row["updated_at"],
    )
