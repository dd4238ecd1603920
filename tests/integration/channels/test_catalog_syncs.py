"""A sync reads a catalog whole, whatever happens in between, and records only what is news."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from domain.catalog_sync import CatalogSync, item_id_of
from domain.connection import Connection
from domain.errors import NotFound, Unavailable
from domain.ids import IntegrationId, OrgId
from domain.job import Job
from follow import follow_everything, followed, rows_of
from given import context, founded
from integration.channels.conftest import Trade
from locks import writers_held
from packshot.commands import catalog_syncs
from packshot.commands.catalog import Catalog
from packshot.commands.jobs import Jobs
from packshot.failpoints import FailpointReached
from packshot.store.pool import open_projector_pool
from projections.activity import Wanted, find_activity
from projections.catalog import CatalogFilter
from projections.connections import Progress
from services import Database
from shop import Handler, Shop, an_image

PAGE = CatalogSync.PageFetched.TOPIC


async def items_told(trade: Trade, org_id: OrgId) -> list[str]:
    """The SKUs that the log's pages tell, in order."""
    pages = await trade.told(org_id, PAGE)
    return [item["sku"] for page in pages for item in page.data["items"]]


async def test_a_catalog_is_read_page_by_page(trade: Trade, shop: Shop, org_id: OrgId) -> None:
    shop.reopen(products=250)
    integration_id = await trade.connected(org_id, shop)

    job = await trade.synced(org_id, integration_id)

    assert job.status == "succeeded"
    assert await items_told(trade, org_id) == sorted(shop.products)
    cursors = [page.data["cursor"] for page in await trade.told(org_id, PAGE)]
    assert cursors == ["SKU-0099", "SKU-0199", None]
    (done,) = await trade.told(org_id, CatalogSync.Synced.TOPIC)
    assert {name: done.data[name] for name in ("items", "changed", "removed")} == {
        "items": 250,
        "changed": 250,
        "removed": 0,
    }


async def test_a_sync_of_what_has_not_changed_records_no_item(
    trade: Trade, shop: Shop, org_id: OrgId
) -> None:
    integration_id = await trade.connected(org_id, shop)
    await trade.synced(org_id, integration_id)

    await trade.synced(org_id, integration_id)

    assert len(await items_told(trade, org_id)) == 3
    last = (await trade.told(org_id, CatalogSync.Synced.TOPIC))[-1]
    assert (last.data["items"], last.data["changed"], last.data["removed"]) == (3, 0, 0)


async def test_only_what_changed_is_recorded_and_what_is_gone(
    trade: Trade, shop: Shop, org_id: OrgId, database: Database
) -> None:
    integration_id = await trade.connected(org_id, shop)
    await trade.synced(org_id, integration_id)
    shop.put("SKU-0001", title="Another title")
    shop.put("SKU-0003")
    del shop.products["SKU-0000"]

    await trade.synced(org_id, integration_id)

    assert (await items_told(trade, org_id))[3:] == ["SKU-0001", "SKU-0003"]
    assert await listed(trade, org_id, database) == {
        "SKU-0001": "Another title",
        "SKU-0002": "Product SKU-0002",
        "SKU-0003": "Product SKU-0003",
    }


async def test_what_comes_back_is_told_again_under_its_id(
    trade: Trade, shop: Shop, org_id: OrgId, database: Database
) -> None:
    integration_id = await trade.connected(org_id, shop)
    await trade.synced(org_id, integration_id)
    gone = shop.products.pop("SKU-0000")
    await trade.synced(org_id, integration_id)
    shop.products["SKU-0000"] = gone

    await trade.synced(org_id, integration_id)

    await followed(database)
    catalog = Catalog(trade.store, trade.connections.shops)
    listing = await catalog.find(org_id, item_id_of(integration_id, "SKU-0000"))
    assert listing.sku == "SKU-0000"


async def test_a_thousand_removed_items_and_more_are_recorded(
    trade: Trade, shop: Shop, org_id: OrgId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog_syncs, "REMOVED_AT_ONCE", 2)
    shop.reopen(products=7)
    integration_id = await trade.connected(org_id, shop)
    await trade.synced(org_id, integration_id)
    shop.products.clear()
    shop.put("SKU-0006")

    await trade.synced(org_id, integration_id)

    removed = [len(page.data["removed"]) for page in await trade.told(org_id, PAGE)]
    assert removed == [0, 0, 2, 2, 2]
    (*_, last) = await trade.told(org_id, CatalogSync.Synced.TOPIC)
    assert (last.data["items"], last.data["removed"]) == (1, 6)


async def test_an_attempt_that_broke_between_pages_is_gone_on_with_from_there(
    trade: Trade, shop: Shop, org_id: OrgId, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.reopen(products=250)
    integration_id = await trade.connected(org_id, shop)
    job_id = await trade.asked(org_id, integration_id)

    def die(_name: str) -> None:
        raise FailpointReached

    with monkeypatch.context() as patch:
        patch.setattr(catalog_syncs, "failpoint", die)
        await trade.attempts.attempt(org_id, job_id)
    shop.asked.clear()
    await due_now(trade, org_id)
    await trade.attempts.attempt(org_id, job_id)

    assert shop.asked[0] == "GET /catalog?cursor=SKU-0099&limit=100"
    assert await items_told(trade, org_id) == sorted(shop.products)
    assert len(await trade.told(org_id, PAGE)) == 3


async def test_a_catalog_that_leads_in_a_circle_is_not_followed(
    trade: Trade, shop: Shop, org_id: OrgId
) -> None:
    integration_id = await trade.connected(org_id, shop)
    job_id = await trade.asked(org_id, integration_id)
    shop.faults.extend(leads_to(cursor) for cursor in ("a", "b", "c", "a"))
    shop.asked.clear()

    await trade.attempts.attempt(org_id, job_id)

    assert [asked.partition("cursor=")[2][:2] for asked in shop.asked] == ["&l", "a&", "b&", "c&"]
    (postponed,) = await trade.told(org_id, Job.Postponed.TOPIC)
    assert "leads back to a page that was read" in str(postponed.data)


def leads_to(cursor: str) -> Callable[[Handler], None]:
    """A page of nothing, with another one after it."""
    return lambda handler: handler.say(200, {"items": [], "nextCursor": cursor})


def jobs_of(trade: Trade) -> Jobs:
    """The use cases of jobs, for those that touch no picture."""
    return Jobs(trade.store, None, trade.attempts.waker, None)  # type: ignore[arg-type]


async def due_now(trade: Trade, org_id: OrgId) -> None:
    """Have every postponed job wait no longer."""
    async with trade.store.pools.writing() as connection:
        await connection.execute(
            "UPDATE work.job SET state = 'waiting', due_at = now() WHERE tenant_id = $1",
            org_id.uuid,
        )


async def test_a_sync_that_was_called_off_records_no_page_more(
    trade: Trade, shop: Shop, org_id: OrgId
) -> None:
    shop.reopen(products=250)
    integration_id = await trade.connected(org_id, shop)
    job_id = await trade.asked(org_id, integration_id)
    was_asked, called_off = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def hold_back(handler: Handler) -> None:
        loop.call_soon_threadsafe(was_asked.set)
        asyncio.run_coroutine_threadsafe(called_off.wait(), loop).result(20)
        handler.say(200, shop.page("", 100))

    shop.faults.append(hold_back)
    attempt = asyncio.create_task(trade.attempts.attempt(org_id, job_id))
    await was_asked.wait()
    await jobs_of(trade).cancel(context(org_id), job_id)
    called_off.set()
    await attempt

    assert await trade.told(org_id, PAGE) == []


async def test_two_who_ask_at_once_get_one_sync(trade: Trade, shop: Shop, org_id: OrgId) -> None:
    integration_id = await trade.connected(org_id, shop)

    asked = await asyncio.gather(*(trade.asked(org_id, integration_id) for _ in range(6)))

    assert len(set(asked)) == 1
    assert len(await trade.told(org_id, Connection.SyncRequested.TOPIC)) == 1


async def test_a_sync_that_failed_goes_on_when_it_is_retried(
    trade: Trade, shop: Shop, org_id: OrgId
) -> None:
    shop.page_items = 2
    integration_id = await trade.connected(org_id, shop)
    shop.faults += [
        lambda handler: handler.say(200, shop.page("", 2)),
        lambda handler: handler.say(400, {"code": "bad_request", "message": "No."}),
    ]
    failed = await trade.synced(org_id, integration_id)

    await jobs_of(trade).retry(context(org_id), failed.job_id)
    await trade.attempts.attempt(org_id, failed.job_id)

    sync = await newest(trade, org_id, integration_id)
    assert failed.status == "failed"
    assert (sync.status, sync.seen, sync.pages) == ("synced", 3, 2)
    connection = await trade.connections.find(org_id, integration_id)
    assert connection.status == "connected"


async def newest(trade: Trade, org_id: OrgId, integration_id: IntegrationId) -> CatalogSync:
    connection = await trade.connections.find(org_id, integration_id)
    assert connection.sync_id is not None
    return await trade.store.load(CatalogSync, org_id=org_id, stream_id=connection.sync_id.uuid)


async def test_two_who_find_the_shop_away_at_once_record_it_once(
    trade: Trade, shop: Shop, org_id: OrgId, database: Database
) -> None:
    integration_id = await trade.connected(org_id, shop)
    away = Unavailable("channel_unreachable", "The shop does not answer.")

    async with writers_held(database, org_id, waiting=2):
        notes = [
            asyncio.create_task(trade.connections.note(context(org_id), integration_id, away))
            for _ in range(2)
        ]
    linked = await asyncio.gather(*notes)

    assert [one.connection.status for one in linked] == ["failing", "failing"]
    assert [one.head is None for one in linked].count(True) == 1
    assert len(await trade.told(org_id, Connection.Failed.TOPIC)) == 1


async def test_how_far_a_sync_is_is_told_without_its_listings(
    trade: Trade, shop: Shop, org_id: OrgId
) -> None:
    shop.page_items = 2
    integration_id = await trade.connected(org_id, shop)
    shop.faults += [
        lambda handler: handler.say(200, shop.page("", 2)),
        lambda handler: handler.say(503, b"", retry_after="9"),
    ]
    await trade.synced(org_id, integration_id)
    connection = await trade.connections.find(org_id, integration_id)

    under_way = await trade.syncs.status(org_id, connection)

    assert under_way.job is not None
    assert not under_way.job.is_ended
    assert under_way.sync == Progress(pages=1, seen=2)


async def test_the_trail_tells_a_page_without_its_listings(
    trade: Trade, shop: Shop, org_id: OrgId, database: Database
) -> None:
    await trade.synced(org_id, await trade.connected(org_id, shop))
    async with open_projector_pool(database.projector_url, size=1) as projecting:
        await follow_everything(projecting)

    async with trade.store.pools.reading(org_id) as connection:
        wanted = Wanted(type="catalog.page-fetched")
        (page,) = await find_activity(connection, org_id.uuid, wanted=wanted, limit=9)

    assert page.sentence == "A page of a catalog was read: 3 items."
    assert dict(page.data) == {"seen": 3}


async def test_an_older_sync_cannot_take_a_newer_ones_items_away(
    trade: Trade, shop: Shop, org_id: OrgId
) -> None:
    integration_id = await trade.connected(org_id, shop)
    shop.faults.append(lambda handler: handler.say(400, {}))
    failed = await trade.synced(org_id, integration_id)
    await trade.synced(org_id, integration_id)

    await jobs_of(trade).retry(context(org_id), failed.job_id)
    await trade.attempts.attempt(org_id, failed.job_id)

    job = await trade.store.load(Job, org_id=org_id, stream_id=failed.id)
    assert (job.status, job.error and job.error["code"]) == ("failed", "version_conflict")


async def test_a_sync_of_a_connection_that_is_over_ends(
    trade: Trade, shop: Shop, org_id: OrgId
) -> None:
    integration_id = await trade.connected(org_id, shop)
    job_id = await trade.asked(org_id, integration_id)
    await trade.connections.disconnect(context(org_id), integration_id)

    await trade.attempts.attempt(org_id, job_id)

    job = await trade.store.load(Job, org_id=org_id, stream_id=job_id.uuid)
    assert (job.status, job.error and job.error["code"]) == ("failed", "not_found")
    assert await trade.told(org_id, PAGE) == []


async def test_a_shop_that_is_away_is_asked_again_later(
    trade: Trade, shop: Shop, org_id: OrgId
) -> None:
    integration_id = await trade.connected(org_id, shop)
    shop.faults.append(lambda handler: handler.say(429, {}, retry_after="600"))

    job = await trade.synced(org_id, integration_id)

    connection = await trade.connections.find(org_id, integration_id)
    assert (job.status, job.postponed_for and job.postponed_for["code"]) == (
        "queued",
        "channel_unreachable",
    )
    assert job.not_before is not None
    assert datetime.fromisoformat(job.not_before) - datetime.now(UTC) > timedelta(minutes=9)
    assert (connection.status, connection.error and connection.error["code"]) == (
        "failing",
        "channel_unreachable",
    )


async def test_listings_told_twice_are_one(trade: Trade, shop: Shop, org_id: OrgId) -> None:
    integration_id = await trade.connected(org_id, shop)
    twice = [shop.products["SKU-0000"], shop.products["SKU-0000"]]
    shop.faults.append(lambda handler: handler.say(200, {"items": twice, "nextCursor": None}))

    job = await trade.synced(org_id, integration_id)

    assert job.status == "succeeded"
    assert await items_told(trade, org_id) == ["SKU-0000"]


@pytest.mark.parametrize("stretch", [1, 2, 7, 5000])
async def test_the_catalog_is_the_same_however_the_log_is_followed(
    trade: Trade, shop: Shop, org_id: OrgId, database: Database, stretch: int
) -> None:
    integration_id = await trade.connected(org_id, shop)
    await trade.synced(org_id, integration_id)
    shop.put("SKU-0001", title="Another title")
    del shop.products["SKU-0000"]
    await trade.synced(org_id, integration_id)
    shop.put("SKU-0000", images=[an_image("SKU-0000", alt="New")])
    await trade.synced(org_id, integration_id)

    async with open_projector_pool(database.projector_url, size=1) as pool:
        await follow_everything(pool, stretch=stretch)

    assert await listed(trade, org_id, database) == {
        "SKU-0000": "Product SKU-0000",
        "SKU-0001": "Another title",
        "SKU-0002": "Product SKU-0002",
    }


async def test_a_catalog_made_anew_is_the_one_that_was_lived(
    trade: Trade, shop: Shop, org_id: OrgId, database: Database
) -> None:
    integration_id = await trade.connected(org_id, shop)
    await trade.synced(org_id, integration_id)
    del shop.products["SKU-0000"]
    await trade.synced(org_id, integration_id)
    await followed(database)
    owner = await asyncpg.connect(database.owner_url)
    lived = await rows_of(owner, "catalog_item")

    await owner.execute("DELETE FROM views.catalog_item")
    await owner.execute("DELETE FROM es.position WHERE view = 'catalog_item'")
    await followed(database)

    assert await rows_of(owner, "catalog_item") == lived
    await owner.close()


@pytest.mark.parametrize("stretch", [1, 2, 7, 5000])
async def test_the_listings_of_a_shop_that_is_let_go_are_gone_however_the_log_is_followed(
    trade: Trade, shop: Shop, org_id: OrgId, database: Database, stretch: int
) -> None:
    first = await trade.connected(org_id, shop)
    await trade.synced(org_id, first)
    await trade.connections.disconnect(context(org_id), first)
    again = await trade.connected(org_id, shop)
    await trade.synced(org_id, again)
    owner = await asyncpg.connect(database.owner_url)

    async with open_projector_pool(database.projector_url, size=1) as pool:
        await follow_everything(pool, stretch=stretch)

    rows = await owner.fetch("SELECT integration_id, sku FROM views.catalog_item ORDER BY sku")
    await owner.close()
    assert [tuple(row) for row in rows] == [
        (again.uuid, sku) for sku in ("SKU-0000", "SKU-0001", "SKU-0002")
    ]


async def test_a_page_goes_on_after_a_listing_that_has_gone(
    trade: Trade, shop: Shop, org_id: OrgId, database: Database
) -> None:
    integration_id = await trade.connected(org_id, shop)
    await trade.synced(org_id, integration_id)
    after = ("SKU-0000", item_id_of(integration_id, "SKU-0000").uuid)
    del shop.products["SKU-0000"]
    await trade.synced(org_id, integration_id)
    await followed(database)

    catalog = Catalog(trade.store, trade.connections.shops)
    page = await catalog.list(org_id, CatalogFilter(), after=after, limit=9, count_at_most=None)

    assert [listing.sku for listing in page.listings] == ["SKU-0001", "SKU-0002"]


async def test_another_organizations_catalog_is_not_seen(
    trade: Trade, shop: Shop, org_id: OrgId, database: Database
) -> None:
    integration_id = await trade.connected(org_id, shop)
    await trade.synced(org_id, integration_id)
    other = await founded(trade.store, "Other")

    assert await listed(trade, other, database) == {}
    with pytest.raises(NotFound):
        await trade.connections.find(other, integration_id)
    with pytest.raises(NotFound):
        await trade.connections.disconnect(context(other), integration_id)


async def listed(trade: Trade, org_id: OrgId, database: Database) -> dict[str, str]:
    """The titles of the catalog by SKU, once the view has followed."""
    await followed(database)
    catalog = Catalog(trade.store, trade.connections.shops)
    page = await catalog.list(org_id, CatalogFilter(), after=None, limit=100, count_at_most=None)
    assert page.total == len(page.listings)
    return {listing.sku: listing.title for listing in page.listings}
