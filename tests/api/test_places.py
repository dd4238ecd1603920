"""Places: an organization's requests at once, over processes, and when one of them dies."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
import redis.asyncio

from api.client import Client
from api.photos import red_box
from api.running import PATIENT_S
from api.server import ROOT
from domain.errors import Refusal
from domain.ids import OrgId
from packshot.commands.organizations import Created
from packshot.edge.limiter import Limiter, in_own_database
from packshot.edge.places import MOST_AT_ONCE, Places
from services import RunningServices

HOLD = """
import asyncio, sys
from contextlib import AsyncExitStack
from domain.ids import OrgId
from packshot.edge.limiter import Limiter
from packshot.edge.places import Places

async def hold():
    places = Places(Limiter.connect(sys.argv[1], answer_within_s=10.0), lease_s=2.0)
    async with AsyncExitStack() as stack:
        for _ in range(int(sys.argv[3])):
            await stack.enter_async_context(places.held(OrgId.parse(sys.argv[2])))
        renewing = asyncio.create_task(places.keep_renewing())
        print("held", flush=True)
        await renewing

asyncio.run(hold())
"""


@pytest.fixture
async def limiters(servers: RunningServices) -> AsyncIterator[list[Limiter]]:
    """The limiters of two processes, on the test's Valkey."""
    limiters = [Limiter.connect(servers.redis_url, answer_within_s=PATIENT_S) for _ in range(2)]
    yield limiters
    for limiter in limiters:
        await limiter.close()


@pytest.fixture
async def valkey(servers: RunningServices) -> AsyncIterator[Any]:
    """The limiter's own database."""
    async with redis.asyncio.Redis.from_url(in_own_database(servers.redis_url)) as valkey:
        yield valkey


async def test_the_places_of_an_organization_are_those_of_all_processes(
    limiters: list[Limiter],
) -> None:
    here, there = map(Places, limiters)
    org_id = OrgId.new()
    async with AsyncExitStack() as stack:
        for number in range(6):
            await stack.enter_async_context((here, there)[number % 2].held(org_id, 6))

        with pytest.raises(Refusal, match="concurrency_limited"):
            await stack.enter_async_context(here.held(org_id, 6))
        assert await here.count(org_id) == await there.count(org_id) == 6

    assert await there.count(org_id) == 0
    async with here.held(org_id, 1):
        assert await there.count(org_id) == 1


async def test_never_more_than_all_places_are_held_however_many_ask_at_once(
    limiters: list[Limiter],
) -> None:
    processes, org_id = [Places(limiter) for limiter in limiters], OrgId.new()
    done = asyncio.Event()
    answered = 0

    async def ask(places: Places) -> bool:
        nonlocal answered
        try:
            async with places.held(org_id, 8):
                answered += 1
                done.set() if answered == 40 else None
                await done.wait()
                return True
        except Refusal:
            answered += 1
            done.set() if answered == 40 else None
            return False

    passed = await asyncio.gather(*(ask(processes[number % 2]) for number in range(40)))

    assert sum(passed) == 8


async def test_a_refused_request_holds_nothing(limiters: list[Limiter]) -> None:
    here, there = map(Places, limiters)
    org_id = OrgId.new()
    async with here.held(org_id, 1):
        with pytest.raises(Refusal):
            await there.held(org_id, 1).__aenter__()

    async with there.held(org_id, 1):
        pass


async def test_a_process_that_is_killed_gives_its_places_back(
    servers: RunningServices, limiters: list[Limiter]
) -> None:
    places, org_id = Places(limiters[0]), OrgId.new()
    command = [sys.executable, "-c", HOLD, servers.redis_url, str(org_id), "3"]
    environ = {"PYTHONPATH": f"{ROOT / 'platform'}:{ROOT}"}
    process = await asyncio.create_subprocess_exec(*command, env=environ, stdout=PIPE)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"held\n"
    with pytest.raises(Refusal):
        await places.held(org_id, 3).__aenter__()

    process.kill()
    await process.wait()

    async with asyncio.timeout(PATIENT_S), places.held(org_id, 4):
        while await places.count(org_id) > 1:
            await places.renew()  # what lives on keeps its own place, and no other
        async with places.held(org_id, 2):
            assert await places.count(org_id) == 2


async def test_a_place_is_renewed_while_it_is_held_and_no_longer(
    limiters: list[Limiter], valkey: Any
) -> None:
    places, org_id = Places(limiters[0]), OrgId.new()
    async with places.held(org_id):
        [(token, first_s)] = await valkey.zrange(f"places:{org_id}", 0, -1, withscores=True)
        await places.renew()
        [(same, later_s)] = await valkey.zrange(f"places:{org_id}", 0, -1, withscores=True)
        await valkey.flushdb()
        await places.renew()
        again = await places.count(org_id)
    await places.renew()

    assert (same, again) == (token, 1)
    assert later_s > first_s
    assert await places.count(org_id) == 0


async def test_a_renewal_does_not_take_what_is_given_back_meanwhile(
    limiters: list[Limiter], monkeypatch: pytest.MonkeyPatch
) -> None:
    places, org_id = Places(limiters[0]), OrgId.new()
    held = places.held(org_id)
    await held.__aenter__()
    ask = limiters[0].ask

    async def given_back_before_the_answer(question: Any) -> Any:
        monkeypatch.setattr(limiters[0], "ask", ask)
        await held.__aexit__(None, None, None)
        return await ask(question)

    monkeypatch.setattr(limiters[0], "ask", given_back_before_the_answer)
    await places.renew()

    assert await places.count(org_id) == 0


async def test_without_valkey_each_process_counts_its_own() -> None:
    here, there = (Places(Limiter.connect("redis://127.0.0.1:1")) for _ in range(2))
    org_id = OrgId.new()
    async with AsyncExitStack() as stack:
        for places in (here, here, there, there):
            await stack.enter_async_context(places.held(org_id, 2))
        for places in (here, there):
            with pytest.raises(Refusal, match="concurrency_limited"):
                await stack.enter_async_context(places.held(org_id, 2))
        assert await here.count(org_id) == 2


async def test_a_request_is_refused_while_another_process_holds_every_place(
    limiters: list[Limiter], client: Client, acme: Created
) -> None:
    elsewhere = Places(limiters[0])

    def process() -> int:
        data = {"width": "64", "height": "64"}
        answer = client.post("/api/v1/process", files={"image": red_box()}, data=data)
        if answer.status_code == 429:
            assert answer.json()["code"] == "concurrency_limited"
            assert answer.headers["retry-after"] == "1"
        return answer.status_code

    async with AsyncExitStack() as stack:
        for _ in range(MOST_AT_ONCE):
            await stack.enter_async_context(elsewhere.held(acme.org_id))
        refused = await asyncio.to_thread(process)
        told = await asyncio.to_thread(client.get, "/api/v1/limits")
    answered = await asyncio.to_thread(process)

    assert (refused, answered) == (429, 200)
    assert told.json()["concurrency"] == {"limit": 64, "running": 64}
