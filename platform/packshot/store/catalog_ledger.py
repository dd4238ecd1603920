"""What the log says of each listing, beside it: a sync asks what is news while it appends.

The view of the catalog follows the log, so it cannot tell. Rows are written by the transaction that
appends the page they come from; without them a sync would record everything anew, and lose nothing.
"""

from collections.abc import Mapping
from uuid import UUID

from domain.ids import IntegrationId, OrgId, SyncId
from packshot.store.pool import DriverConnection


async def changed(
    connection: DriverConnection,
    org_id: OrgId,
    integration_id: IntegrationId,
    *,
    sync_id: SyncId,
    digests: Mapping[UUID, bytes],
) -> set[UUID]:
    """Note the listings of a page by their item ids; returns those that are not as they were."""
    rows = await connection.fetch(
        """
        WITH told AS (
          SELECT * FROM unnest($4::uuid[], $5::bytea[]) AS t(item_id, digest)
        ), known AS (
          SELECT item_id, digest FROM work.catalog_item
          WHERE tenant_id = $1 AND integration_id = $2 AND item_id = ANY($4)
        ), noted AS (
          INSERT INTO work.catalog_item (tenant_id, integration_id, item_id, digest, sync_id)
          SELECT $1, $2, told.item_id, told.digest, $3 FROM told
          ON CONFLICT (tenant_id, integration_id, item_id)
          DO UPDATE SET digest = excluded.digest, sync_id = excluded.sync_id
        )
        SELECT told.item_id FROM told LEFT JOIN known USING (item_id)
        WHERE known.digest IS DISTINCT FROM told.digest
        """,
        org_id.uuid,
        integration_id.uuid,
        sync_id.uuid,
        list(digests),
        list(digests.values()),
    )
    return {row["item_id"] for row in rows}


async def gone(
    connection: DriverConnection,
    org_id: OrgId,
    integration_id: IntegrationId,
    *,
    sync_id: SyncId,
    at_most: int,
) -> list[UUID]:
    """Forget listings that a sync has not seen, so many at most; returns their item ids."""
    rows = await connection.fetch(
        """
        DELETE FROM work.catalog_item
        WHERE tenant_id = $1 AND integration_id = $2 AND item_id IN (
          SELECT item_id FROM work.catalog_item
          WHERE tenant_id = $1 AND integration_id = $2 AND sync_id <> $3
          ORDER BY item_id LIMIT $4
        )
        RETURNING item_id
        """,
        org_id.uuid,
        integration_id.uuid,
        sync_id.uuid,
        at_most,
    )
    return sorted(row["item_id"] for row in rows)


async def count(connection: DriverConnection, org_id: OrgId, integration_id: IntegrationId) -> int:
    """How many listings a shop has."""
    counted: int = await connection.fetchval(
        "SELECT count(*) FROM work.catalog_item WHERE tenant_id = $1 AND integration_id = $2",
        org_id.uuid,
        integration_id.uuid,
    )
    return counted


async def forget(
    connection: DriverConnection, org_id: OrgId, integration_id: IntegrationId
) -> None:
    """Forget the listings of a connection that is over."""
    await connection.execute(
        "DELETE FROM work.catalog_item WHERE tenant_id = $1 AND integration_id = $2",
        org_id.uuid,
        integration_id.uuid,
    )


async def lock_connection(
    connection: DriverConnection, org_id: OrgId, integration_id: IntegrationId
) -> bool:
    """Keep a connection from being ended until the transaction does; False when it is over."""
    kept = await connection.fetchval(
        """
        SELECT true FROM work.credential
        WHERE tenant_id = $1 AND integration_id = $2 FOR KEY SHARE
        """,
        org_id.uuid,
        integration_id.uuid,
    )
    return bool(kept)
