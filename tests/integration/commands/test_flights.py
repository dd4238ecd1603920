"""Equal work at once is done once, and followers build only on what was committed."""

import asyncio

import pytest

from packshot.commands.flights import Flights
from packshot.store.events import EventStore
from packshot.store.unit import CURRENT

PLACE = "one picture"


class RolledBack(Exception):
    """Ends a unit of work without its commit."""


class Work:
    """Work that is finished when the test says so, and counts how often it was begun."""

    def __init__(self) -> None:
        self.flights: Flights[str] = Flights()
        self.may_end = asyncio.Event()
        self.begun = 0

    async def share(self) -> str:
        """Follow, or lead."""
        first = await self.flights.follow(PLACE)
        return f"followed {first}" if first else await self.flights.lead(PLACE, self._do())

    async def _do(self) -> str:
        self.begun += 1
        number = self.begun
        await self.may_end.wait()
        return f"work {number}"


@pytest.fixture
def work() -> Work:
    return Work()


async def turns(count: int = 20) -> None:
    """Let every task go on as far as it can."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_follower_waits_until_the_leaders_unit_is_committed(
    store: EventStore, work: Work
) -> None:
    work.may_end.set()

    async with store.together():
        led = await work.share()
        follower = asyncio.create_task(outside(work))
        await turns()
        assert not follower.done()

    assert (led, await follower) == ("work 1", "followed work 1")
    assert (work.begun, work.flights.under_way) == (1, {})


async def test_a_follower_leads_when_the_leaders_unit_is_rolled_back(
    store: EventStore, work: Work
) -> None:
    work.may_end.set()
    followers = []

    async def lead_and_roll_back() -> None:
        async with store.together():
            await work.share()
            followers.extend(asyncio.create_task(outside(work)) for _ in range(3))
            await turns()
            raise RolledBack

    with pytest.raises(RolledBack):
        await lead_and_roll_back()

    assert sorted(await asyncio.gather(*followers)) == ["followed work 2"] * 2 + ["work 2"]
    assert (work.begun, work.flights.under_way) == (2, {})


async def test_a_follower_leads_when_a_leader_in_a_unit_is_cut_off(
    store: EventStore, work: Work
) -> None:
    async def lead_in_a_unit() -> None:
        async with store.together():
            await work.share()

    leader = asyncio.create_task(lead_in_a_unit())
    await turns()
    follower = asyncio.create_task(work.share())
    await turns()

    leader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leader
    work.may_end.set()

    assert await follower == "work 2"


async def test_a_leader_without_a_unit_that_goes_away_still_finishes_for_its_followers(
    work: Work,
) -> None:
    leader = asyncio.create_task(work.share())
    await turns()
    follower = asyncio.create_task(work.share())
    await turns()

    leader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leader
    work.may_end.set()

    assert await follower == "followed work 1"


async def test_the_same_unit_does_not_wait_for_itself(store: EventStore, work: Work) -> None:
    work.may_end.set()

    async with store.together():
        results = [await work.share(), await work.share()]

    assert results == ["work 1", "work 2"]
    assert work.flights.under_way == {}


async def test_an_error_of_the_leader_is_its_followers_too() -> None:
    flights: Flights[str] = Flights()
    may_end = asyncio.Event()

    async def fail() -> str:
        await may_end.wait()
        raise ValueError("no picture")

    leader = asyncio.create_task(flights.lead(PLACE, fail()))
    await turns()
    follower = asyncio.create_task(flights.follow(PLACE))
    await turns()
    may_end.set()

    for task in (leader, follower):
        with pytest.raises(ValueError, match="no picture"):
            await task
    assert flights.under_way == {}


async def outside(work: Work) -> str:
    """Share the work as another request does: outside the unit that this task was made in."""
    CURRENT.set(None)
    return await work.share()
