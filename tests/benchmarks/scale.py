"""What an event costs in a small installation and in a large one, side by side.

``events-curve``: one organization of 10⁴ events against one of 10⁶; ``orgs-curve``: 10
organizations against 10,000. Both databases lie in one server and take turns. An append is one
event; a list is the newest page of the feed and of the jobs; sync is what the projector does for an
event.
``PACKSHOT_SCALE_EVENTS`` and ``PACKSHOT_SCALE_ORGS`` set the larger ends.
"""

import os
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from random import Random
from statistics import median
from typing import Any

import uvloop

from benchmarks.filling import fill
from benchmarks.rows import paired_ratio, row
from domain.ids import OrgId
from given import context, requested_job, store_of
from packshot.store.events import EventStore
from packshot.store.follow import Follower
from packshot.store.pool import Pool, open_pools, open_projector_pool
from packshot.store.verify import verify_log
from packshot.wiring import FOLLOWING_VIEWS
from projections.activity import Wanted, find_activity
from projections.jobs import JobFilter, list_jobs
from services import Database, RunningServices, running_services

EVENTS = (9_999, int(os.environ.get("PACKSHOT_SCALE_EVENTS", "999999")) // 3 * 3)
ORGANIZATIONS = (10, int(os.environ.get("PACKSHOT_SCALE_ORGS", "10000")))
EVENTS_OF_EACH = 21
ROUNDS = 9
AT_ONCE = 60  # of each kind in a round
MOST = 1.3


@dataclass(frozen=True, slots=True)
class Installation:
    """One database of the two, with what asks it."""

    store: EventStore
    projecting: Pool
    org_ids: Sequence[OrgId]
    rng: Random

    async def append(self) -> float:
        """Seconds of one event for one organization."""
        org_id, job = self.rng.choice(self.org_ids), requested_job()
        began_s = time.perf_counter()
        await self.store.save(context(org_id), job)
        return time.perf_counter() - began_s

    async def list(self) -> float:
        """Seconds of the newest page of the feed, and of the jobs."""
        org_id = self.rng.choice(self.org_ids)
        began_s = time.perf_counter()
        async with self.store.pools.reading(org_id) as connection:
            told = await find_activity(connection, org_id.uuid, wanted=Wanted(), limit=50)
            jobs = await list_jobs(
                connection, tenant_id=org_id.uuid, wanted=JobFilter(), before=None, limit=50
            )
        elapsed_s = time.perf_counter() - began_s
        assert told
        assert jobs
        return elapsed_s

    async def sync(self) -> float:
        """Seconds of one more event in every following view of an organization."""
        org_id = self.rng.choice(self.org_ids)
        await self.store.save(context(org_id), requested_job())
        follower = Follower(self.projecting)
        began_s = time.perf_counter()
        for view in FOLLOWING_VIEWS:
            await follower.step(view, org_id.uuid)
        return time.perf_counter() - began_s


def run() -> list[dict[str, Any]]:
    """Measure both curves of the section `scale` of the targets."""
    with running_services(is_durable=True) as servers:
        return uvloop.run(_measure(servers))


async def _measure(servers: RunningServices) -> list[dict[str, Any]]:
    rows = []
    for name, sizes in (
        ("events-curve", [(1, events) for events in EVENTS]),
        ("orgs-curve", [(orgs, EVENTS_OF_EACH) for orgs in ORGANIZATIONS]),
    ):
        async with AsyncExitStack() as stack:
            both = [await _installed(stack, servers, *size) for size in sizes]
            print(name, *(f"{orgs:,} x {events:,} events" for orgs, events in sizes), sep="   ")
            rows += await _curve(name, both)
    return rows


async def _installed(
    stack: AsyncExitStack, servers: RunningServices, organizations: int, events: int
) -> Installation:
    database: Database = await stack.enter_async_context(servers.database())
    org_ids = [OrgId.new() for _ in range(organizations)]
    began = time.perf_counter()
    await fill(database, org_ids, events=events)
    if organizations == 1:
        assert all(one.valid for one in await verify_log(database.owner_url))
    print(f"filled {organizations} x {events} events in {time.perf_counter() - began:.1f} s")
    pools = await stack.enter_async_context(
        open_pools(database.app_url, database.writer_url, size=2)
    )
    projecting = await stack.enter_async_context(
        open_projector_pool(database.projector_url, size=1)
    )
    return Installation(store_of(pools), projecting, org_ids, Random(1))


async def _curve(name: str, both: Sequence[Installation]) -> list[dict[str, Any]]:
    """The rows of a curve; its table is printed."""
    rows = []
    for work in ("append", "list", "sync"):
        costs: list[list[float]] = [[], []]
        for _ in range(ROUNDS + 1):
            for one, cost in zip(both, costs, strict=True):
                cost.append(await _cost(getattr(one, work)))
        small, large = [cost[1:] for cost in costs]  # the first round warms plans and pages
        ratio = paired_ratio(large, small)
        print(f"  {work:<12}  {median(small) * 1e6:>6.0f} µs  {median(large) * 1e6:>6.0f} µs  "
              f"x {ratio:.2f}")  # fmt: skip
        rows.append(row(f"{name}-{work}", ratio, unit="ratio", target=MOST))
    return rows


async def _cost(work: Callable[[], Awaitable[float]]) -> float:
    """The median of so many in a row, in seconds."""
    return median([await work() for _ in range(AT_ONCE)])
