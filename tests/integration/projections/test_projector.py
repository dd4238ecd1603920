"""The projector as a process: woken, killed at the worst moment, several at once, told to stop."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import TypeVar

import pytest

from api.projecting import running_projector
from domain.ids import OrgId
from follow import ACTIVITY, append_raw, entries_of, log_of, some_history
from given import founded
from packshot.config import Settings
from packshot.projector import Projector
from packshot.store.events import EventStore
from packshot.store.follow import Follower
from packshot.store.pool import DriverConnection, Pool

WITHIN_S = 30.0
T = TypeVar("T")


async def eventually(ask: Callable[[], Awaitable[T]], *, until: T) -> None:
    """Ask again and again until the answer is the wanted one."""
    answer = None
    try:
        async with asyncio.timeout(WITHIN_S):
            while (answer := await ask()) != until:
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"still {answer}, wanted {until}") from None


async def test_what_happens_is_followed_without_any_wake_up(
    store: EventStore, settings: Settings, owner: DriverConnection, org_id: OrgId
) -> None:
    nowhere = replace(settings, redis_url="unix:///nowhere/valkey.sock")
    with running_projector(nowhere):
        await some_history(store, org_id)
        happened = await log_of(owner)

        await eventually(lambda: entries_of(owner), until=happened)

    assert len(await entries_of(owner)) == len(happened) > 30


async def test_a_wake_up_is_followed_before_anybody_looks(
    store: EventStore, settings: Settings, projecting: Pool, owner: DriverConnection, org_id: OrgId
) -> None:
    """The looking is broken here, so that only the wake-up can have done it."""
    follower = Follower(projecting)
    looked = asyncio.Event()

    async def look_once(_view: object) -> list[object]:
        looked.set()
        return []

    follower.behind = look_once  # type: ignore[method-assign,assignment]
    stop = asyncio.Event()
    projector = Projector(follower, [ACTIVITY], wakes=repeated(org_id))
    running = asyncio.create_task(projector.run(until=stop.wait))
    await looked.wait()

    await eventually(lambda: entries_of(owner), until=await log_of(owner))

    stop.set()
    assert await running is None
    assert await entries_of(owner) == await log_of(owner) != []


async def repeated(org_id: OrgId) -> AsyncIterator[str]:
    """What Valkey may bring: nonsense, an unknown organization, and one that has grown."""
    yield "nonsense"
    yield str(OrgId.new())
    yield str(org_id)
    await asyncio.Event().wait()


async def test_a_projector_killed_in_the_middle_of_a_stretch_loses_nothing(
    store: EventStore, settings: Settings, owner: DriverConnection, org_id: OrgId
) -> None:
    await some_history(store, org_id, jobs=30)
    with running_projector(settings, failpoints="projector.mid_batch:kill@1") as first:
        assert await asyncio.to_thread(first.ended) == -signal.SIGKILL
    assert await entries_of(owner) == []

    with running_projector(settings, failpoints="projector.mid_batch:kill@3") as second:
        await eventually(lambda: entries_of(owner), until=await log_of(owner))
        while second.process.poll() is None:  # its third stretch, whichever it is, is its last
            await some_history(store, org_id, jobs=1)
    with running_projector(settings):
        await eventually(lambda: entries_of(owner), until=await log_of(owner))


async def test_three_projectors_share_the_work_and_repeat_none_of_it(
    store: EventStore, settings: Settings, owner: DriverConnection
) -> None:
    org_ids = [await founded(store, f"Org {number}") for number in range(4)]
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(running_projector(settings))

        await asyncio.gather(*(some_history(store, org_id, jobs=30) for org_id in org_ids))
        await eventually(lambda: entries_of(owner), until=await log_of(owner))

    parked = await owner.fetchval("SELECT count(*) FROM es.position WHERE parked_at IS NOT NULL")
    assert parked == 0


async def test_a_parked_organization_is_in_the_log_of_the_process(
    store: EventStore, settings: Settings, owner: DriverConnection, org_id: OrgId
) -> None:
    position = await append_raw(owner, org_id, meta="[]")
    with running_projector(settings) as projector:
        line = await asyncio.to_thread(projector.log.wait_for, event="organization_parked")

    assert (line["view"], line["org_id"], line["position"]) == ("activity", str(org_id), position)


async def test_a_database_that_refuses_is_told_once_and_tried_until_it_recovers(
    store: EventStore, settings: Settings, owner: DriverConnection, org_id: OrgId
) -> None:
    await owner.execute("REVOKE SELECT ON es.tenant_head FROM packshot_projector")
    with running_projector(settings) as projector:
        line = await asyncio.to_thread(projector.log.wait_for, event="projector_troubled")
        await owner.execute("GRANT SELECT ON es.tenant_head TO packshot_projector")

        await asyncio.to_thread(projector.log.wait_for, event="projector_recovered")
        await eventually(lambda: entries_of(owner), until=await log_of(owner))

    assert "permission denied" in line["error"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_with_0(settings: Settings, number: signal.Signals) -> None:
    with running_projector(settings) as projector:
        projector.process.send_signal(number)

        assert await asyncio.to_thread(projector.ended) == 0
        projector.log.wait_for(event="projector_stopped")


async def test_what_was_begun_before_a_signal_is_committed(
    store: EventStore, projecting: Pool, owner: DriverConnection, org_id: OrgId
) -> None:
    await some_history(store, org_id)
    begun, stop = asyncio.Event(), asyncio.Event()

    class Slow(Follower):
        """Tells when it has begun, and goes on when it was told to stop."""

        async def step(self, view, tenant_id):  # type: ignore[no-untyped-def]
            begun.set()
            await stop.wait()
            return await super().step(view, tenant_id)

    projector = Projector(Slow(projecting), [ACTIVITY], wakes=repeated(org_id))
    running = asyncio.create_task(projector.run(until=stop.wait))
    await begun.wait()

    stop.set()
    await running

    assert await entries_of(owner) == await log_of(owner)
