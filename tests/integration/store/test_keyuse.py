"""When keys were last used: remembered, told in one statement, never older than it was."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from domain.errors import Unavailable
from domain.ids import KeyId, OrgId
from packshot.store import keyuse
from packshot.store.keyuse import KeyUses
from packshot.store.pool import Pools, open_pools
from services import Database

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEY = KeyId.new()


class Clock:
    """A clock that stands still until it is moved."""

    now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def uses(pools: Pools, clock: Clock) -> KeyUses:
    return KeyUses(pools, clock=clock)


async def told(database: Database) -> list[dict[str, Any]]:
    owner = await asyncpg.connect(database.owner_url)
    rows = await owner.fetch("SELECT * FROM work.key_use ORDER BY tenant_id, key_id")
    await owner.close()
    return [dict(row) for row in rows]


async def test_the_newest_use_of_each_key_is_told(
    uses: KeyUses, clock: Clock, database: Database, org_id: OrgId
) -> None:
    other = KeyId.new()
    uses.note(org_id, KEY, address="::1", endpoint="GET /api/v1/jobs")
    uses.note(org_id, other, address="::1", endpoint="GET /api/v1/jobs")
    clock.now += timedelta(seconds=1)
    uses.note(org_id, KEY, address="127.0.0.1", endpoint="POST /api/v1/process")

    await uses.tell()

    rows = {row["key_id"]: row for row in await told(database)}
    assert rows.keys() == {KEY.uuid, other.uuid}
    assert rows[KEY.uuid]["last_used_at"] == clock.now
    assert rows[KEY.uuid]["address"] == "127.0.0.1"
    assert rows[KEY.uuid]["endpoint"] == "POST /api/v1/process"
    assert uses.untold(org_id, KEY) is None


async def test_an_older_use_that_is_told_later_changes_nothing(
    uses: KeyUses, clock: Clock, pools: Pools, database: Database, org_id: OrgId
) -> None:
    slow = KeyUses(pools, clock=clock)
    slow.note(org_id, KEY, address="slow", endpoint="GET /old")
    clock.now += timedelta(seconds=1)
    uses.note(org_id, KEY, address="quick", endpoint="GET /new")

    await uses.tell()
    await slow.tell()

    assert [row["address"] for row in await told(database)] == ["quick"]


async def test_what_a_database_that_is_away_was_not_told_is_kept(org_id: OrgId) -> None:
    nowhere = "postgresql:///packshot?host=%2Fnowhere"
    async with open_pools(nowhere, nowhere) as pools:
        uses = KeyUses(pools, clock=lambda: NOON)
        uses.note(org_id, KEY, address="::1", endpoint="GET /")
        with pytest.raises(Unavailable):
            await uses.tell()

        assert uses.untold(org_id, KEY) is not None


async def test_what_is_untold_at_the_end_is_told_then(
    uses: KeyUses, database: Database, org_id: OrgId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyuse, "TOLD_EVERY_S", 3600)
    started = asyncio.Event()

    async def told_to_begin() -> None:
        started.set()
        await uses.keep_telling()

    telling = asyncio.create_task(told_to_begin())
    await started.wait()
    uses.note(org_id, KEY, address="::1", endpoint="GET /")

    telling.cancel()
    await asyncio.wait([telling])

    assert len(await told(database)) == 1


async def test_a_use_during_the_telling_is_told_the_next_time(
    uses: KeyUses, clock: Clock, database: Database, org_id: OrgId
) -> None:
    uses.note(org_id, KEY, address="first", endpoint="GET /")
    telling = asyncio.create_task(uses.tell())
    await asyncio.sleep(0)
    clock.now += timedelta(seconds=1)
    uses.note(org_id, KEY, address="second", endpoint="GET /")
    await telling

    assert uses.untold(org_id, KEY) is not None
    await uses.tell()
    assert [row["address"] for row in await told(database)] == ["second"]
