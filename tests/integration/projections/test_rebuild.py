"""A rebuild: beside the living view, under writes, compared, and in its place at one moment."""

import asyncio
import json
import os
import subprocess
import sys
from typing import Any

import pytest

from domain.errors import Conflict
from domain.ids import OrgId
from follow import (
    ACTIVITY,
    append_raw,
    entries_of,
    follow_everything,
    log_of,
    positions_of,
    rows_of,
    some_history,
)
from given import founded
from packshot.store import rebuild as rebuilding
from packshot.store.events import EventStore
from packshot.store.follow import Follower
from packshot.store.pool import DriverConnection, Pool, Pools
from packshot.store.rebuild import rebuild
from projections.activity import Wanted, find_activity
from services import Database

DEFINITION = """
SELECT c.relname, c.relkind, c.relacl::text, c.relrowsecurity, c.relforcerowsecurity,
       pg_get_userbyid(c.relowner) AS owner,
       (SELECT json_agg(p ORDER BY p.policyname)::text FROM pg_policies p
        WHERE p.schemaname = 'views' AND p.tablename = c.relname) AS policies,
       (SELECT string_agg(pg_get_constraintdef(k.oid), ', ' ORDER BY k.conname) FROM pg_constraint k
        WHERE k.conrelid = c.oid) AS constraints,
       CASE c.relkind WHEN 'i' THEN pg_get_indexdef(c.oid) END AS index_definition
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'views' AND c.relname LIKE 'activity%'
ORDER BY c.relname
"""


async def test_a_rebuilt_view_says_what_the_living_one_said(
    store: EventStore, database: Database, projecting: Pool, owner: DriverConnection
) -> None:
    org_ids = [await founded(store, name) for name in ("One", "Two", "Three")]
    for org_id in org_ids:
        await some_history(store, org_id, jobs=5)
    await follow_everything(projecting)
    living = await rows_of(owner)

    rebuilt = await rebuild(database.owner_url, ACTIVITY, stretch=7)

    assert await rows_of(owner) == living
    assert (rebuilt.events, rebuilt.compared) == (48, 3)
    assert (rebuilt.different, rebuilt.parked) == ([], [])


async def test_the_rebuilt_table_is_guarded_and_indexed_like_the_living_one(
    store: EventStore, database: Database, owner: DriverConnection, org_id: OrgId
) -> None:
    before = [tuple(row) for row in await owner.fetch(DEFINITION)]

    for _ in range(2):
        await rebuild(database.owner_url, ACTIVITY)

    assert [tuple(row) for row in await owner.fetch(DEFINITION)] == before
    assert len(before) == 4


async def test_a_view_that_said_something_else_is_named_and_mended(
    store: EventStore, database: Database, projecting: Pool, owner: DriverConnection
) -> None:
    changed, lacking, _ = [await founded(store, name) for name in ("A", "B", "C")]
    await follow_everything(projecting)
    true = await rows_of(owner)
    await owner.execute(
        "UPDATE views.activity SET actor_id = 'nobody' WHERE tenant_id = $1", changed.uuid
    )
    await owner.execute("DELETE FROM views.activity WHERE tenant_id = $1", lacking.uuid)

    rebuilt = await rebuild(database.owner_url, ACTIVITY)

    assert set(rebuilt.different) == {changed, lacking}
    assert await rows_of(owner) == true


async def test_a_rebuild_under_writes_and_followers_equals_living(
    store: EventStore, database: Database, projecting: Pool, owner: DriverConnection
) -> None:
    org_ids = [await founded(store, f"Org {number}") for number in range(3)]
    for org_id in org_ids:
        await some_history(store, org_id, jobs=20)
    writing = asyncio.gather(*(some_history(store, org_id, jobs=60) for org_id in org_ids))

    async def follow() -> None:
        follower = Follower(projecting, stretch=5)
        while not writing.done():
            for tenant_id in await follower.behind(ACTIVITY):
                await follower.step(ACTIVITY, tenant_id)

    async def rebuild_again_and_again() -> list[OrgId]:
        different: list[OrgId] = []
        while not writing.done():
            different += (await rebuild(database.owner_url, ACTIVITY, stretch=11)).different
        return different

    async def watch() -> list[dict[OrgId, int]]:
        seen = []
        while not writing.done():
            seen.append(await positions_of(owner, org_ids))
        return seen

    different, seen, *_ = await asyncio.gather(
        rebuild_again_and_again(), watch(), writing, follow(), follow()
    )
    await follow_everything(projecting)

    assert different == []
    for org_id in org_ids:
        shown = [positions[org_id] for positions in seen]
        assert shown == sorted(shown), "a position that was shown went back"
    assert await entries_of(owner) == await log_of(owner)
    assert len(await log_of(owner)) == 3 * 241


async def test_whoever_follows_waits_while_the_tables_change_places(
    store: EventStore,
    database: Database,
    projecting: Pool,
    owner: DriverConnection,
    org_id: OrgId,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else a position could be shown that the rebuilt view, taking over, has not come to."""
    await follow_everything(projecting)
    change_places, steps = rebuilding.change_places, []
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"

    async def change_while_somebody_follows(*names: Any) -> None:
        await some_history(store, org_id, jobs=1)
        step = asyncio.create_task(Follower(projecting).step(ACTIVITY, org_id.uuid))
        while not step.done() and not await owner.fetchval(waiting):
            await asyncio.sleep(0.01)
        steps.append((step, step.done()))
        await change_places(*names)

    monkeypatch.setattr(rebuilding, "change_places", change_while_somebody_follows)
    await rebuild(database.owner_url, ACTIVITY)

    [(step, was_done)] = steps
    assert not was_done
    assert (await step).applied == 3
    assert await entries_of(owner) == await log_of(owner)


async def test_no_reader_sees_the_feed_go_back_or_go_away(
    store: EventStore, database: Database, pools: Pools, projecting: Pool, org_id: OrgId
) -> None:
    await some_history(store, org_id, jobs=30)
    await follow_everything(projecting)
    work = asyncio.create_task(rebuild_twice(database))
    newest: list[int] = []

    while not work.done():
        async with pools.reading(org_id) as connection:
            rows = await find_activity(connection, org_id.uuid, wanted=Wanted(), limit=200)
        newest.append(len(rows))

    await work
    assert set(newest) == {91}


async def rebuild_twice(database: Database) -> None:
    for _ in range(2):
        await rebuild(database.owner_url, ACTIVITY)


async def test_a_rebuild_frees_an_organization_whose_event_can_be_used_again(
    store: EventStore, database: Database, projecting: Pool, owner: DriverConnection, org_id: OrgId
) -> None:
    await some_history(store, org_id, jobs=1)
    await owner.execute(
        "ALTER TABLE views.activity ADD CONSTRAINT bad CHECK (type <> 'job.started')"
    )
    await follow_everything(projecting)
    assert await positions_of(owner, [org_id]) == {org_id: 2}
    await owner.execute("ALTER TABLE views.activity DROP CONSTRAINT bad")

    rebuilt = await rebuild(database.owner_url, ACTIVITY)

    assert rebuilt.parked == []
    assert await positions_of(owner, [org_id]) == {org_id: 4}
    assert await entries_of(owner) == await log_of(owner)


async def test_an_event_that_stays_unusable_parks_its_organization_in_the_rebuilt_view(
    store: EventStore, database: Database, projecting: Pool, owner: DriverConnection
) -> None:
    bad, good = [await founded(store, name) for name in ("Bad", "Good")]
    await append_raw(owner, bad, meta="[]")

    rebuilt = await rebuild(database.owner_url, ACTIVITY)

    assert rebuilt.parked == [bad]
    assert await positions_of(owner, [bad, good]) == {bad: 1, good: 1}


async def test_what_a_killed_rebuild_left_is_removed_by_the_next(
    store: EventStore,
    database: Database,
    owner: DriverConnection,
    org_id: OrgId,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def die(*_: object) -> None:
        raise ConnectionResetError

    monkeypatch.setattr(rebuilding, "change_places", die)
    with pytest.raises(ConnectionResetError):
        await rebuild(database.owner_url, ACTIVITY)
    monkeypatch.undo()
    assert await owner.fetchval("SELECT to_regclass('views.activity_rebuilt')") is not None

    await rebuild(database.owner_url, ACTIVITY)

    assert await owner.fetchval("SELECT to_regclass('views.activity_rebuilt')") is None
    assert await entries_of(owner) == await log_of(owner)
    views = await owner.fetch("SELECT DISTINCT view FROM es.position")
    assert [row["view"] for row in views] == ["activity"]


async def test_two_rebuilds_of_one_view_do_not_run_at_once(
    database: Database, owner: DriverConnection, org_id: OrgId
) -> None:
    lock = "SELECT pg_advisory_lock($1, hashtext('activity'))"
    await owner.execute(lock.replace("$1", str(rebuilding.REBUILD_LOCK)))

    with pytest.raises(Conflict, match="being rebuilt already"):
        await rebuild(database.owner_url, ACTIVITY)


def rebuild_by_command(database: Database, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "packshot", "rebuild", *arguments],
        env=os.environ | {"PACKSHOT_OWNER_DATABASE_URL": database.owner_url},
        capture_output=True,
        text=True,
        check=False,
    )


async def test_the_command_rebuilds_an_external_database(
    store: EventStore, database: Database, owner: DriverConnection, org_id: OrgId
) -> None:
    done = await asyncio.to_thread(rebuild_by_command, database, "activity", "--json")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["events"] == 1
    assert await entries_of(owner) == await log_of(owner)


async def test_the_command_names_the_views_there_are(database: Database) -> None:
    done = await asyncio.to_thread(rebuild_by_command, database, "activities")

    assert done.returncode == 1
    assert "There is no view activities; there are: activity, catalog_item, " in done.stderr


async def test_the_owner_need_not_be_a_superuser(
    store: EventStore, database: Database, owner: DriverConnection, org_id: OrgId
) -> None:
    """Row-level security confines an owner too; the log is read as the projector."""
    role = f"owner_of_{database.name}"
    await owner.execute(f"CREATE ROLE {role} LOGIN IN ROLE packshot_projector")
    try:
        await owner.execute(f"GRANT USAGE, CREATE ON SCHEMA views TO {role}")
        await owner.execute(f"GRANT USAGE ON SCHEMA es TO {role}")
        await owner.execute(f"GRANT EXECUTE ON FUNCTION views.guard_following TO {role}")
        await owner.execute(f"ALTER TABLE views.activity OWNER TO {role}")
        await owner.execute(f"ALTER TABLE es.position OWNER TO {role}")
        plain_url = database.app_url.replace("user=packshot_app", f"user={role}")

        rebuilt = await rebuild(plain_url, ACTIVITY)

        assert rebuilt.events == 1
        assert await entries_of(owner) == await log_of(owner)
    finally:
        await owner.execute(f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}")
