"""Loading an aggregate of a thousand events against fetching their rows; ``store`` calls this.

The snapshot is as old as it may become before the product takes another: the worst case, not the
mean. Both take turns, round by round.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg

from benchmarks.rows import paired_ratio, row
from domain.connection import Connection
from given import context, founded, store_of
from makers import a_connection
from packshot.store.pool import open_pools
from packshot.store.snapshots import SNAPSHOT_EVERY
from services import Database

EVENTS = 1000
ROUNDS = 15
LOADS = 20

FETCH = "SELECT * FROM es.event WHERE tenant_id = $1 AND stream_id = $2 ORDER BY version"


async def measure_load(database: Database) -> dict[str, Any]:
    """The time of a load ÷ the time of a bare fetch of all its rows."""
    async with open_pools(database.app_url, database.writer_url, size=2) as pools:
        store = store_of(pools)
        org_id = await founded(store, "Acme")
        connection = a_connection()
        for upto in (EVENTS - SNAPSHOT_EVERY, EVENTS):
            while connection.version < upto:
                connection.rename(f"Shop {connection.version}")
            await store.save(context(org_id), connection)
            await store.load(Connection, org_id=org_id, stream_id=connection.id)
            await store.snapshots.settle()
        owner = await asyncpg.connect(database.owner_url)
        [taken] = await owner.fetch("SELECT version FROM es.snapshot")
        assert taken["version"] == EVENTS - SNAPSHOT_EVERY

        async def load() -> None:
            loaded = await store.load(Connection, org_id=org_id, stream_id=connection.id)
            assert loaded.version == EVENTS

        async def fetch() -> None:
            assert len(await owner.fetch(FETCH, org_id.uuid, connection.id)) == EVENTS

        ours, theirs = [], []
        for _ in range(ROUNDS):
            ours.append(await _seconds(load))
            theirs.append(await _seconds(fetch))
        await owner.close()
    return row("load-1000", paired_ratio(ours, theirs), unit="ratio", target=1.5)


async def _seconds(work: Callable[[], Awaitable[None]]) -> float:
    started = time.perf_counter()
    for _ in range(LOADS):
        await work()
    return time.perf_counter() - started
