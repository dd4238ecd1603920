import pytest

from domain.catalog_sync import CatalogSync, item_id_of
from domain.errors import Conflict, Refusal
from domain.ids import IntegrationId, SyncId
from given import given

SHOP = IntegrationId.new()
ITEM = {"item_id": str(item_id_of(SHOP, "A").uuid), "sku": "A"}
AWAY = Refusal("channel_rejected", "No.")


def started() -> CatalogSync:
    return CatalogSync.start(SyncId.new(), integration_id=SHOP)


def read() -> CatalogSync:
    sync = started()
    sync.fetch(cursor="next", items=[ITEM], seen=5)
    sync.fetch(cursor=None, items=[], seen=3)
    return sync


def failed() -> CatalogSync:
    sync = started()
    sync.fetch(cursor="next", items=[ITEM], seen=5)
    sync.fail(AWAY)
    return sync


def synced() -> CatalogSync:
    sync = read()
    sync.finish(items=8)
    return sync


def test_a_page_stands_beside_the_place_of_the_next_one() -> None:
    story = given(started()).when(lambda sync: sync.fetch(cursor="next", items=[ITEM], seen=5))

    story.then((CatalogSync.PageFetched, {"cursor": "next", "items": [ITEM], "seen": 5}))
    assert story.aggregate.cursor == "next"


def test_after_the_last_page_there_is_none() -> None:
    with pytest.raises(Conflict):
        given(read()).when(lambda sync: sync.fetch(cursor=None, items=[], seen=0))


def test_nothing_is_gone_before_the_last_page_was_read() -> None:
    with pytest.raises(Conflict):
        given(started()).when(lambda sync: sync.remove([]))


def test_the_end_counts_what_was_news() -> None:
    sync = read()
    sync.remove([item_id_of(SHOP, "B").uuid])

    story = given(sync).when(lambda one: one.finish(items=8))

    story.then((CatalogSync.Synced, {"items": 8, "changed": 1, "removed": 1}))


def test_a_failed_sync_goes_on_from_its_last_page() -> None:
    story = given(failed()).when(CatalogSync.resume)

    story.then((CatalogSync.SyncResumed, {}))
    assert (story.aggregate.cursor, story.aggregate.status) == ("next", "running")


def test_a_running_sync_is_not_resumed() -> None:
    given(started()).when(CatalogSync.resume).then()


@pytest.mark.parametrize("over", [failed, synced])
@pytest.mark.parametrize(
    "verb",
    [
        lambda sync: sync.fetch(cursor=None, items=[], seen=0),
        lambda sync: sync.remove([]),
        lambda sync: sync.finish(items=0),
        lambda sync: sync.fail(AWAY),
    ],
)
def test_a_sync_that_is_over_records_nothing(over: object, verb: object) -> None:
    with pytest.raises(Conflict):
        given(over()).when(verb)  # type: ignore[operator, arg-type]


def test_a_listing_has_the_same_id_at_every_sync_and_another_in_another_shop() -> None:
    assert item_id_of(SHOP, "A") == item_id_of(SHOP, "A")
    assert item_id_of(SHOP, "A") != item_id_of(SHOP, "B")
    assert item_id_of(SHOP, "A") != item_id_of(IntegrationId.new(), "A")
