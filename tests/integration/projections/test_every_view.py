"""Every view of the code, after a random history of everything: the log alone makes it again.

The views and the events are those of the code. One more view that cannot be made again, or one more
event that nothing in ``tests/histories.py`` leads to, fails here.
"""

import asyncio
from typing import Any

import pytest

from domain.ids import OrgId
from follow import append_raw, follow_everything, rows_of
from given import context, founded, requested_job
from histories import record_everything, topics_of
from makers import an_output
from packshot.store import replay
from packshot.store.events import EventStore
from packshot.store.pool import DriverConnection, Pool
from packshot.store.rebuild import Rebuilt, rebuild
from packshot.store.replay import rebuild_inline
from packshot.wiring import AGGREGATES, FOLLOWING_VIEWS, INLINE_VIEWS
from projections.jobs import JobsView
from projections.projection import InlineView
from services import Database

FOLLOWING = {view.name: view for view in FOLLOWING_VIEWS}
INLINE = {view.name: view for view in INLINE_VIEWS}
EVERY_VIEW = [*FOLLOWING, *INLINE]

DEFINITION = """
SELECT c.relname, c.relkind, c.reloptions, c.relacl::text, c.relrowsecurity, c.relforcerowsecurity,
       pg_get_userbyid(c.relowner) AS owner,
       (SELECT json_agg(p ORDER BY p.policyname)::text FROM pg_policies p
        WHERE p.schemaname = 'views' AND p.tablename = c.relname) AS policies,
       (SELECT string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod),
                                    a.attnotnull,
                                    nullif(a.attacl, '{}')), ', ' ORDER BY a.attname)
        FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
       (SELECT string_agg(pg_get_constraintdef(k.oid), ', ' ORDER BY k.conname) FROM pg_constraint k
        WHERE k.conrelid = c.oid) AS constraints,
       CASE c.relkind WHEN 'i' THEN pg_get_indexdef(c.oid) END AS index_definition
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'views'
ORDER BY c.relname
"""


async def rebuild_any(database: Database, name: str) -> Rebuilt:
    if name in FOLLOWING:
        return await rebuild(database.owner_url, FOLLOWING[name], stretch=7)
    return await rebuild_inline(database.owner_url, INLINE[name])


async def test_replay_equals_living_in_every_view(
    store: EventStore, database: Database, projecting: Pool, owner: DriverConnection
) -> None:
    for seed in (20261123, 7):
        await record_everything(store, seed=seed)
    await follow_everything(projecting, stretch=3)
    living = {name: await rows_of(owner, name) for name in EVERY_VIEW}

    rebuilt = {name: await rebuild_any(database, name) for name in EVERY_VIEW}

    assert [name for name in EVERY_VIEW if not living[name]] == []
    assert {name: await rows_of(owner, name) for name in EVERY_VIEW} == living
    found = {(one.compared, len(one.different), len(one.parked)) for one in rebuilt.values()}
    assert found == {(2, 0, 0)}


async def test_the_history_holds_everything_that_can_happen(
    store: EventStore, owner: DriverConnection
) -> None:
    await record_everything(store, seed=20261123)

    rows = await owner.fetch("SELECT DISTINCT type FROM es.event")

    assert {row["type"] for row in rows} == set().union(*map(topics_of, AGGREGATES))


async def test_a_view_that_said_something_else_is_named_and_mended(
    store: EventStore, database: Database, projecting: Pool, owner: DriverConnection
) -> None:
    wrong = (await record_everything(store, seed=1)).org_id
    await founded(store, "Right")
    await follow_everything(projecting)
    living = {name: await rows_of(owner, name) for name in EVERY_VIEW}
    for name in EVERY_VIEW:
        one = f"(SELECT ctid FROM views.{name} WHERE tenant_id = $1 LIMIT 1)"
        await owner.execute(f"DELETE FROM views.{name} WHERE ctid = {one}", wrong.uuid)

    different = {name: (await rebuild_any(database, name)).different for name in EVERY_VIEW}

    assert different == {name: [wrong] for name in EVERY_VIEW}
    assert {name: await rows_of(owner, name) for name in EVERY_VIEW} == living


async def test_rebuilt_tables_are_guarded_indexed_and_stored_like_the_living_ones(
    database: Database, owner: DriverConnection, org_id: OrgId
) -> None:
    before = [tuple(row) for row in await owner.fetch(DEFINITION)]

    for name in EVERY_VIEW:
        await rebuild_any(database, name)

    after = [tuple(row) for row in await owner.fetch(DEFINITION)]
    parts = [part for pair in zip(before, after, strict=True) for part in zip(*pair, strict=True)]
    assert [(was, became) for was, became in parts if was != became] == []


@pytest.mark.parametrize("view", INLINE_VIEWS, ids=lambda view: view.name)
def test_an_inline_view_is_rebuilt_beside_its_table_and_reads_none_of_it(view: InlineView) -> None:
    statement = replay.InlineCopy(view, f"{view.name}_rebuilt").statement

    assert f"INSERT INTO views.{view.name}_rebuilt AS {view.name}" in statement
    assert f"views.{view.name} " not in statement


async def test_an_inline_view_is_rebuilt_under_writes(
    store: EventStore, database: Database, owner: DriverConnection
) -> None:
    """Nobody's write fails, nothing is missing, and no row is of another moment."""
    org_ids = [await founded(store, f"Org {number}") for number in range(3)]
    stop = asyncio.Event()

    async def write(org_id: OrgId) -> int:
        written = 0
        while not stop.is_set():
            job = requested_job(sku="MUG")
            job.queue()
            await store.save(context(org_id), job)
            async with store.together():
                job.start()
                await store.save(context(org_id), job)
                job.succeed([an_output()], cached=False)
                await store.save(context(org_id), job)
            written += 1
        return written

    async def rebuild_again_and_again() -> list[Rebuilt]:
        done = [await rebuild_inline(database.owner_url, JobsView()) for _ in range(4)]
        stop.set()
        return done

    done, *written = await asyncio.gather(rebuild_again_and_again(), *map(write, org_ids))
    living = await rows_of(owner, "job")
    last = await rebuild_inline(database.owner_url, JobsView())

    assert [(one.different, one.parked) for one in [*done, last]] == [([], [])] * 5
    assert len(living) == sum(written)
    assert await rows_of(owner, "job") == living


async def test_a_rebuild_gives_way_to_whoever_holds_a_log(
    store: EventStore,
    database: Database,
    owner: DriverConnection,
    org_id: OrgId,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One unit of work is open longer than the rebuild waits for it; then it takes its turn."""
    gave_way = asyncio.Event()

    async def tell(_delay: float) -> None:
        gave_way.set()

    monkeypatch.setattr(replay, "wait", tell)
    async with store.together():
        await store.save(context(org_id), requested_job())
        rebuilding = asyncio.create_task(rebuild_inline(database.owner_url, JobsView()))
        await gave_way.wait()
    rebuilt = await rebuilding

    assert rebuilt.different == rebuilt.parked == []
    assert len(await rows_of(owner, "job")) == 1


async def test_an_inline_view_is_left_as_it_is_where_a_log_cannot_be_replayed(
    store: EventStore, database: Database, owner: DriverConnection, org_id: OrgId
) -> None:
    bad = await founded(store, "Bad")
    await store.save(context(org_id), requested_job())
    await append_raw(owner, bad, type="api-key.issued.v1", meta="{}")
    living = await rows_of(owner, "api_key")

    rebuilt = await rebuild_inline(database.owner_url, INLINE["api_key"])

    assert rebuilt.parked == [bad]
    assert await rows_of(owner, "api_key") == living
    assert await owner.fetchval("SELECT to_regclass('views.api_key_rebuilt')") is None
    assert await owner.fetchval("SELECT count(*) FROM es.position") == 0


async def test_progress_is_told_to_the_last_event(
    store: EventStore, database: Database, owner: DriverConnection
) -> None:
    await record_everything(store, seed=3)
    told: dict[str, list[Any]] = {"activity": [], "job": []}

    await rebuild(
        database.owner_url,
        FOLLOWING["activity"],
        progress=lambda *so_far: told["activity"].append(so_far),
    )
    await rebuild_inline(
        database.owner_url, JobsView(), progress=lambda *so_far: told["job"].append(so_far)
    )

    events = await owner.fetchval("SELECT count(*) FROM es.event")
    assert told["activity"][-1] == told["job"][-1] == (events, events)
