"""The stack of appending connections: never more than allowed, never one in a doubtful state."""

import asyncio
from contextlib import suppress

import asyncpg
import pytest

from domain.errors import Conflict, Unavailable
from domain.ids import OrgId
from domain.job import Job
from given import context, requested_job, store_of
from packshot.store import writers
from packshot.store.events import EventStore
from packshot.store.pool import Pools, open_pools
from services import Database


async def test_a_connection_is_used_again(pools: Pools) -> None:
    async with pools.writing() as first:
        pass
    async with pools.writing() as second:
        pass

    assert second is first


async def test_more_writers_than_connections_take_turns(database: Database, org_id: OrgId) -> None:
    async with open_pools(database.app_url, database.writer_url, size=2) as pools:
        store = store_of(pools)

        await asyncio.gather(*(store.save(context(org_id), requested_job()) for _ in range(20)))

        assert len(pools.writer.idle) == 2


async def test_a_connection_that_the_server_closed_is_replaced(
    store: EventStore, database: Database, org_id: OrgId
) -> None:
    await store.save(context(org_id), requested_job())
    await close_every_writer(database)

    head = None
    while head is None:  # the first call may still meet the closed connection, and says so
        with suppress(Unavailable):
            head = await store.save(context(org_id), requested_job())

    assert head.position == 3


async def test_a_statement_that_was_given_up_takes_its_connection_with_it(pools: Pools) -> None:
    async with pools.writing() as before:
        pass

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(sleep_in_the_database(pools), 0.2)

    async with pools.writing() as after:
        assert await after.fetchval("SELECT 1") == 1
    assert after is not before


async def test_a_writer_that_finds_no_place_is_told_to_come_back(
    database: Database, org_id: OrgId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers, "WAIT_S", 0.1)
    async with (
        open_pools(database.app_url, database.writer_url, size=1) as pools,
        pools.writing(),
    ):
        with pytest.raises(Unavailable):
            await store_of(pools).save(context(org_id), requested_job())


async def test_an_unfinished_transaction_is_not_handed_on(pools: Pools) -> None:
    async with pools.writing() as careless:
        await careless.execute("BEGIN")

    async with pools.writing() as next_one:
        assert not next_one.is_in_transaction()


async def test_a_database_that_is_away_is_named_and_no_place_is_lost() -> None:
    nowhere = "postgresql:///packshot?host=%2Fnowhere&user=packshot_writer"
    async with open_pools(nowhere, nowhere, size=1) as pools:
        for _ in range(3):
            with pytest.raises(Unavailable) as away:
                async with pools.writing():
                    pass

    assert "database" in away.value.detail


async def test_a_conflict_costs_no_connection(store: EventStore, org_id: OrgId) -> None:
    job = requested_job()
    await store.save(context(org_id), job)
    (connection,) = store.pools.writer.idle
    first, second = [await store.load(Job, org_id=org_id, stream_id=job.id) for _ in range(2)]
    first.start()
    second.start()
    await store.save(context(org_id), first)

    with pytest.raises(Conflict):
        await store.save(context(org_id), second)

    assert store.pools.writer.idle == [connection]


async def test_a_connection_in_use_is_closed_when_its_pool_was_closed_meanwhile(
    pools: Pools,
) -> None:
    async with pools.writing() as connection:
        await pools.writer.close()

    assert connection.is_closed()
    assert pools.writer.idle == []


async def sleep_in_the_database(pools: Pools) -> None:
    async with pools.writing() as connection:
        await connection.execute("SELECT pg_sleep(30)")


async def close_every_writer(database: Database) -> None:
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE usename = 'packshot_writer' AND datname = current_database()"
    )
    await owner.close()
