"""The catalog as callers read it: the listings of every connected shop, with whole addresses."""

from dataclasses import dataclass, replace
from typing import TypeAlias
from uuid import UUID

from domain.connection import Connection
from domain.errors import NotFound
from domain.ids import ItemId, OrgId
from packshot.commands.shops import Shops
from packshot.store.events import EventStore
from projections.catalog import (
    CatalogFilter,
    Listing,
    count_catalog,
    find_listing,
    list_catalog,
)

Listings: TypeAlias = list[Listing]


@dataclass(frozen=True, slots=True)
class CatalogPage:
    """Listings of one page by SKU, and how many match (counting may have stopped earlier)."""

    listings: Listings
    total: int


@dataclass(frozen=True, slots=True)
class Catalog:
    """The queries of the catalog."""

    store: EventStore
    shops: Shops

    async def list(
        self,
        org_id: OrgId,
        wanted: CatalogFilter,
        *,
        after: tuple[str, UUID] | None,
        limit: int,
        count_at_most: int | None,
    ) -> CatalogPage:
        """Listings by SKU; ``after`` is SKU and item id of the last one already told."""
        async with self.store.pools.reading(org_id) as database:
            listings = await list_catalog(
                database, tenant_id=org_id.uuid, wanted=wanted, after=after, limit=limit
            )
            total = await count_catalog(
                database, tenant_id=org_id.uuid, wanted=wanted, at_most=count_at_most
            )
        return CatalogPage(await self._with_addresses(org_id, listings), total)

    async def find(self, org_id: OrgId, item_id: ItemId) -> Listing:
        """The listing; raises NotFound, also for another organization's."""
        async with self.store.pools.reading(org_id) as database:
            found = await find_listing(database, tenant_id=org_id.uuid, item_id=item_id.uuid)
        if found is None:
            raise no_such_item()
        return (await self._with_addresses(org_id, [found]))[0]

    async def _with_addresses(self, org_id: OrgId, listings: Listings) -> Listings:
        """The listings with addresses that a browser can follow, for as long as the shop is there.

        What is stored is as the shop told it: the demo shop's own address may change.
        """
        ids = {listing.integration_id.uuid for listing in listings}
        found = await self.store.load_many(Connection, org_id=org_id, stream_ids=list(ids))
        connections = {connection.integration_id: connection for connection in found}
        return [
            self._with_address(listing, connections[listing.integration_id]) for listing in listings
        ]

    def _with_address(self, listing: Listing, connection: Connection) -> Listing:
        images = [
            {**image, "url": self.shops.address(connection, image["url"])}
            for image in listing.images
        ]
        return replace(listing, url=self.shops.address(connection, listing.url), images=images)


def no_such_item() -> NotFound:
    """The refusal of an id that names no listing of the caller's organization."""
    return NotFound("not_found", "There is no such item.", fix="Check the itemId.")
