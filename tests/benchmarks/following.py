"""A following view against its targets: how fast it is rebuilt, and how soon an event is in it.

``store`` calls this; the log that is rebuilt is the one that its appends left, filled up to
``REBUILT_EVENTS``. Lag is measured through the product's own path: an append, the wake-up through
Valkey, a projector process, and a reader who looks every two milliseconds.
"""

import asyncio
import os
import time
from statistics import quantiles
from typing import Any

from api.projecting import running_projector
from benchmarks.rows import row
from domain.ids import OrgId
from given import context, founded, requested_job, store_of
from makers import an_output
from packshot.config import Settings
from packshot.store.events import EventStore
from packshot.store.pool import Pools, open_pools
from packshot.store.rebuild import rebuild
from packshot.store.wake import Waker
from projections.activity import ActivityView
from services import Database, RunningServices

REBUILT_EVENTS = 200_000
ORGANIZATIONS = 16
JOBS_AN_APPEND = 100
REBUILDS = 3
PROBES = 300
PAUSE_S = 0.02  # between two probes: a busy installation, not a queue of our own making
LOOK_S = 0.002


async def measure_rebuild(database: Database) -> dict[str, Any]:
    """Events a second of whole rebuilds, indexes and comparison included; the median of three."""
    async with open_pools(database.app_url, database.writer_url, size=4) as pools:
        await _fill(store_of(pools))
    rates = []
    for _ in range(REBUILDS):
        done = await rebuild(database.owner_url, ActivityView())
        assert done.events >= REBUILT_EVENTS
        assert done.different == []
        rates.append(done.events / done.elapsed_s)
    return row("rebuild", sorted(rates)[1], unit="events/s", target=100_000, better="more")


async def measure_lag(servers: RunningServices, database: Database) -> dict[str, Any]:
    """The 95th percentile of milliseconds from the answer of a write to its entry in the feed."""
    settings = Settings.read(
        {
            "PACKSHOT_DATABASE_URL": database.app_url,
            "PACKSHOT_PROJECTOR_DATABASE_URL": database.projector_url,
            "PACKSHOT_REDIS_URL": servers.redis_url,
            "PACKSHOT_STORAGE_DIR": os.devnull,
            "PACKSHOT_SECRETS_DIR": os.devnull,
        }
    )
    with running_projector(settings):
        async with open_pools(database.app_url, database.writer_url, size=4) as pools:
            waker = Waker(servers.redis_url)
            store = store_of(pools)
            store.on_append = lambda org_id: waker.touched("log", str(org_id))
            org_ids = [await founded(store, f"Org {number}") for number in range(4)]
            lags_s = [await _lag_s(store, org_ids[probe % len(org_ids)]) for probe in range(PROBES)]
            await waker.close()
    return row("lag", quantiles(lags_s, n=20)[-1] * 1000, unit="ms", target=60)


async def _fill(store: EventStore) -> None:
    """Jobs of three events each, in as many organizations as write at once elsewhere."""
    appends = -(-REBUILT_EVENTS // (ORGANIZATIONS * JOBS_AN_APPEND * 3))

    async def fill(org_id: OrgId) -> None:
        for _ in range(appends):
            jobs = [requested_job() for _ in range(JOBS_AN_APPEND)]
            for job in jobs:
                job.start()
                job.succeed([an_output()], cached=False)
            await store.save(context(org_id), *jobs)

    org_ids = [await founded(store, f"Org {number}") for number in range(ORGANIZATIONS)]
    await asyncio.gather(*map(fill, org_ids))


async def _lag_s(store: EventStore, org_id: OrgId) -> float:
    head = await store.save(context(org_id), requested_job())
    committed_s = time.perf_counter()
    while await _position(store.pools, org_id) < head.position:
        await asyncio.sleep(LOOK_S)
    lag_s = time.perf_counter() - committed_s
    await asyncio.sleep(PAUSE_S)
    return lag_s


async def _position(pools: Pools, org_id: OrgId) -> int:
    async with pools.reading(org_id) as connection:
        newest: int | None = await connection.fetchval(
            "SELECT max(position) FROM views.activity WHERE tenant_id = $1", org_id.uuid
        )
    return newest or 0
