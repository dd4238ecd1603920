"""What an operator sees of the views, and the way back of an organization that was parked."""

import asyncio
import json
import os
import subprocess
import sys

import pytest

from domain.errors import NotFound
from domain.ids import OrgId
from follow import ACTIVITY, entries_of, follow_everything, log_of, some_history
from given import founded
from packshot.store.events import EventStore
from packshot.store.pool import DriverConnection, Pool
from packshot.store.standings import Standing, retry, standings
from packshot.wiring import FOLLOWING_VIEWS, INLINE_VIEWS
from services import Database

UNUSABLE = "ALTER TABLE views.activity ADD CONSTRAINT unusable CHECK (type <> 'job.started')"
MENDED = "ALTER TABLE views.activity DROP CONSTRAINT unusable"


async def standing_of(database: Database, name: str) -> Standing:
    inline = [view.name for view in INLINE_VIEWS]
    told = await standings(database.owner_url, following=FOLLOWING_VIEWS, inline=inline)
    return next(one for one in told if one.view == name)


def by_command(database: Database, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "packshot", "projections", *arguments],
        env=os.environ | {"PACKSHOT_OWNER_DATABASE_URL": database.owner_url},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
async def parked(
    store: EventStore, projecting: Pool, owner: DriverConnection, org_id: OrgId
) -> OrgId:
    """An organization whose third event the view cannot use; another one goes on."""
    await founded(store, "Other")
    await some_history(store, org_id, jobs=2)
    await owner.execute(UNUSABLE)
    await follow_everything(projecting)
    return org_id


async def test_a_view_that_is_behind_says_by_how_much_and_where(
    store: EventStore, database: Database, projecting: Pool, org_id: OrgId
) -> None:
    await follow_everything(projecting)
    await some_history(store, org_id, jobs=2)
    await founded(store, "Other")

    behind, inline = [await standing_of(database, name) for name in ("activity", "job")]

    assert behind.lag is not None
    assert (behind.events, behind.held, behind.lag.events) == (8, 1, 7)
    assert behind.lag.worst == org_id
    assert behind.behind_s > 0
    assert (inline.events, inline.held, inline.lag, inline.behind_s) == (8, 8, None, 0)


async def test_one_unusable_event_parks_one_organization_where_it_can_be_seen(
    database: Database, owner: DriverConnection, parked: OrgId
) -> None:
    standing = await standing_of(database, "activity")

    [one] = standing.parked
    assert (one.org_id, one.position, one.events) == (parked, 2, 7)
    assert "23514 at position 3" in one.reason
    assert standing.lag is not None
    assert standing.lag.events == 0, "the other organization is not behind"


async def test_a_retry_after_the_fix_goes_on_from_there(
    database: Database, owner: DriverConnection, parked: OrgId
) -> None:
    await owner.execute(MENDED)

    done = await retry(database.owner_url, ACTIVITY, parked)

    assert (done.before, done.position, done.events, done.reason) == (2, 7, 7, None)
    assert await entries_of(owner) == await log_of(owner)
    assert (await standing_of(database, "activity")).parked == []


async def test_a_retry_before_the_fix_parks_it_again_at_the_same_place(
    database: Database, parked: OrgId
) -> None:
    done = await retry(database.owner_url, ACTIVITY, parked)

    assert (done.before, done.position) == (2, 2)
    assert done.reason is not None
    assert [one.position for one in (await standing_of(database, "activity")).parked] == [2]


async def test_there_is_nothing_to_retry_where_nothing_is_parked(
    store: EventStore, database: Database, org_id: OrgId
) -> None:
    with pytest.raises(NotFound, match="has not parked"):
        await retry(database.owner_url, ACTIVITY, org_id)


async def test_the_command_tells_every_view_and_who_is_parked(
    database: Database, parked: OrgId
) -> None:
    plain = await asyncio.to_thread(by_command, database)
    told = await asyncio.to_thread(by_command, database, "--json")

    rows = {row["view"]: row for row in json.loads(told.stdout)}
    assert plain.returncode == told.returncode == 1
    assert list(rows) == [view.name for view in (*FOLLOWING_VIEWS, *INLINE_VIEWS)]
    assert rows["activity"]["parked"][0]["orgId"] == str(parked)
    assert rows["job"]["kind"] == "inline"
    assert f"parked: activity of {parked} after 2 of 7" in plain.stdout


async def test_the_command_retries_what_was_mended(
    store: EventStore, database: Database, owner: DriverConnection, parked: OrgId
) -> None:
    await owner.execute(MENDED)

    done = await asyncio.to_thread(by_command, database, "retry", "activity", str(parked))
    after = await asyncio.to_thread(by_command, database)
    again = await asyncio.to_thread(by_command, database, "retry", "activity", str(parked))
    nobody = await asyncio.to_thread(by_command, database, "retry", "activity", "nobody")
    nothing = await asyncio.to_thread(by_command, database, "retry", "job", str(parked))

    assert (done.returncode, after.returncode) == (0, 0), done.stderr
    assert done.stdout.strip() == f"activity of {parked}: from 2 to 7 of 7"
    assert (again.returncode, nobody.returncode, nothing.returncode) == (1, 1, 1)
    assert "has not parked" in again.stderr
    assert "is not an organization's id" in nobody.stderr
    assert "There is no following view job" in nothing.stderr


async def test_an_empty_installation_has_views_too(database: Database) -> None:
    done = await asyncio.to_thread(by_command, database)

    assert done.returncode == 0, done.stderr
    assert "catalog_item" in done.stdout
