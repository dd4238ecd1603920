"""A key's end is told 14 and 3 days before it and at it, once, by however many processes."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from domain.ids import KeyId
from domain.recorded import Recorded
from domain.scopes import EVERY_SCOPE
from given import SECRETS, context, organizations_of, store_of
from packshot.commands.api_keys import ApiKeys, NewKey
from packshot.commands.key_edits import KeyEdits, KeyWish
from packshot.commands.key_notices import KeyNotices
from packshot.commands.organizations import Created
from packshot.commands.people import People
from packshot.store.events import EventStore
from packshot.store.keycache import KeyCache
from packshot.store.keyuse import KeyUses

DAY = timedelta(days=1)
NOW = datetime.now(UTC)


@pytest.fixture
async def created(store: EventStore) -> Created:
    return await organizations_of(store).create("Acme", actor_id="test")


def api_keys(store: EventStore) -> ApiKeys:
    def clock() -> datetime:
        return NOW

    keys, uses = KeyCache(store.pools, SECRETS), KeyUses(store.pools, clock=clock)
    return ApiKeys(store, SECRETS, keys, uses, People(store, clock), clock)


async def a_key(store: EventStore, created: Created, *, days: float | None) -> KeyId:
    """A key that ends in so many days."""
    ends = None if days is None else NOW + days * DAY
    made = await api_keys(store).create(
        context(created.org_id), NewKey("Shop", "live", EVERY_SCOPE, ends), granted=EVERY_SCOPE
    )
    return made.key.key_id


async def told(store: EventStore, created: Created, key_id: KeyId) -> list[tuple[str, int | None]]:
    """What was announced of the key, with the days that were left."""
    events: list[Recorded] = await store.read(created.org_id)
    return [
        (event.type, event.data.get("days_left"))
        for event in events
        if event.stream_id == key_id.uuid and event.type.startswith("api-key.expir")
    ]


async def pass_time(store: EventStore, *days: float) -> None:
    """Look for notices after so many days, each time as a process that has just begun."""
    for after in days:
        for _ in range(2):
            await KeyNotices(store_of(store.pools), lambda after=after: NOW + after * DAY).tell()


async def test_each_notice_is_told_once(store: EventStore, created: Created) -> None:
    key_id = await a_key(store, created, days=20)

    await pass_time(store, 0, 5.9, 6, 6.5, 10, 16.9, 17, 18, 19.99, 20, 21, 400)

    assert await told(store, created, key_id) == [
        ("api-key.expiring.v1", 14),
        ("api-key.expiring.v1", 3),
        ("api-key.expired.v1", None),
    ]


async def test_a_late_notice_tells_the_days_that_are_left_and_none_is_made_up_for(
    store: EventStore, created: Created
) -> None:
    late, later = [await a_key(store, created, days=20) for _ in range(2)]

    await pass_time(store, 18.5, 19, 30)

    for key_id in (late, later):
        assert await told(store, created, key_id) == [
            ("api-key.expiring.v1", 2),
            ("api-key.expired.v1", None),
        ]


@pytest.mark.parametrize(
    ("days", "expected"),
    [(10, [3, None]), (2, [None]), (None, [])],
)
async def test_a_key_made_for_a_short_time_is_told_of_when_that_is_news(
    store: EventStore, created: Created, days: float | None, expected: list[int | None]
) -> None:
    key_id = await a_key(store, created, days=days)

    await pass_time(store, *range(12))

    assert [left for _, left in await told(store, created, key_id)] == expected


async def test_of_many_processes_at_once_one_tells(store: EventStore, created: Created) -> None:
    keys = [await a_key(store, created, days=20) for _ in range(5)]

    await asyncio.gather(
        *(KeyNotices(store_of(store.pools), lambda: NOW + 7 * DAY).tell() for _ in range(5))
    )

    for key_id in keys:
        assert await told(store, created, key_id) == [("api-key.expiring.v1", 13)]


async def test_a_moved_end_is_announced_anew_and_a_revoked_key_not_at_all(
    store: EventStore, created: Created
) -> None:
    moved, revoked = [await a_key(store, created, days=20) for _ in range(2)]
    await pass_time(store, 6)
    keys, who = api_keys(store), context(created.org_id)
    wish = KeyWish(frozenset({"expires_at"}), expires_at=NOW + 100 * DAY)
    await KeyEdits(keys).edit(who, moved, wish, granted=EVERY_SCOPE)
    await keys.revoke(who, revoked, reason=None)

    await pass_time(store, 20, 86)

    assert [left for _, left in await told(store, created, moved)] == [14, 14]
    assert [left for _, left in await told(store, created, revoked)] == [14]
