"""The demo shop: connected without address or secret, and reached by its own client only."""

from dataclasses import replace

import pytest

from domain.errors import Conflict, InvalidInput, Unavailable
from domain.ids import OrgId
from follow import followed
from given import context
from integration.channels.conftest import Trade
from integrations.http import OutboundClient, parse_allowed
from packshot.commands.catalog import Catalog
from packshot.commands.connections import Connections
from packshot.commands.shops import DemoShop, Shops
from projections.catalog import CatalogFilter
from services import Database
from shop import Shop


@pytest.fixture
async def demo(trade: Trade, shop: Shop) -> Trade:
    """A trade whose usual client reaches no private address, and whose demo client the shop."""
    trade.connections = Connections(trade.store, demo_shops(trade, shop, shop.as_allowed))
    trade.syncs = replace(trade.syncs, connections=trade.connections)
    trade.attempts = replace(trade.attempts, errands={"catalog/sync": trade.syncs.read})
    return trade


def demo_shops(trade: Trade, shop: Shop, allowed: str) -> Shops:
    client = OutboundClient(allowed_private=parse_allowed(allowed))
    demo = DemoShop(shop.url, shop.secret, client)
    return replace(trade.connections.shops, outbound=OutboundClient(), demo=demo)


async def connected(demo: Trade, org_id: OrgId) -> Connections:
    await demo.connections.connect_demo(context(org_id), kind="amazon-bridge", name=None)
    return demo.connections


async def test_the_demo_shop_is_connected_and_neither_address_nor_secret_is_kept(
    demo: Trade, shop: Shop, org_id: OrgId
) -> None:
    linked = await demo.connections.connect_demo(context(org_id), kind="amazon-bridge", name="Demo")

    connection = linked.connection
    assert (connection.settings, connection.hint) == ({"demo": True}, None)
    stored = str([event.data for event in await demo.store.read(org_id)])
    assert shop.url not in stored
    assert await demo.connections.shops.vault.open(org_id, connection.integration_id) is None


async def test_the_demo_shop_is_connected_once(demo: Trade, org_id: OrgId) -> None:
    await connected(demo, org_id)

    with pytest.raises(Conflict) as refused:
        await connected(demo, org_id)

    assert refused.value.code == "already_connected"


async def test_its_address_is_reached_by_no_other_connection(
    demo: Trade, shop: Shop, org_id: OrgId
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await demo.connections.connect(
            context(org_id), kind="amazon-bridge", name="x", url=shop.url, secret=shop.secret
        )

    assert refused.value.code == "url_not_allowed"
    assert shop.asked == []


async def test_its_pictures_are_where_it_is_today(
    demo: Trade, shop: Shop, org_id: OrgId, database: Database
) -> None:
    linked = await demo.connections.connect_demo(context(org_id), kind="amazon-bridge", name=None)
    job = await demo.synced(org_id, linked.connection.integration_id)
    await followed(database)

    moved = replace(demo.connections.shops, demo=replace_url(demo, "http://127.0.0.1:9"))
    listings = {
        base: await Catalog(demo.store, shops).list(
            org_id, CatalogFilter(), after=None, limit=9, count_at_most=None
        )
        for base, shops in ((shop.url, demo.connections.shops), ("http://127.0.0.1:9", moved))
    }

    assert job.status == "succeeded"
    for base, page in listings.items():
        assert len(page.listings) == 3
        assert all(one.images[0]["url"].startswith(f"{base}/images/") for one in page.listings)


def replace_url(demo: Trade, url: str) -> DemoShop:
    kept = demo.connections.shops.demo
    assert kept is not None
    return replace(kept, url=url)


async def test_where_there_is_no_demo_shop_that_is_said(trade: Trade, org_id: OrgId) -> None:
    with pytest.raises(Unavailable) as refused:
        await connected(trade, org_id)

    assert "no demo shop" in refused.value.detail
