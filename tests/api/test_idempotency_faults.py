"""Whatever dies or stalls between a request and its answer: one effect, and the same answer."""

import asyncio
import signal
from collections.abc import Coroutine, Iterator
from typing import Any

import asyncpg
import psutil
import pytest

from api.client import Client
from api.duplicates import (
    RawAnswer,
    events_of,
    jobs_in,
    let_pass,
    prepared,
    problem,
    send_at_once,
    states,
    until_states,
    writing,
)
from api.photos import red_box
from api.server import RunningApi, running_api
from packshot.commands.organizations import Created
from packshot.config import Settings
from services import RunningServices

PROCESS = "/api/v1/process"
LOCK_PASSED_S = 11.0


def request(api: RunningApi, org: Created, *, key: str = "order-7") -> bytes:
    """The request of these tests as it is sent."""
    return prepared(
        api.base_url + PROCESS,
        headers={"x-api-key": org.secret, "idempotency-key": key},
        files={"image": red_box(80, 60)},
        data={"width": "64", "height": "64"},
    )


async def send(api: RunningApi, org: Created, *, key: str = "order-7") -> RawAnswer:
    [answer] = await send_at_once(api.port, [request(api, org, key=key)])
    return answer


async def is_cut_off(sending: Coroutine[Any, Any, RawAnswer]) -> bool:
    """Whether the connection ended without an answer."""
    try:
        await sending
    except (EOFError, ConnectionError):
        return True
    return False


async def jobs(settings: Settings, org: Created) -> list[str]:
    return jobs_in(await events_of(settings, org.org_id))


@pytest.fixture
def second(settings: Settings) -> Iterator[RunningApi]:
    """Another API process on the same database."""
    with running_api(settings) as running:
        yield running


@pytest.mark.parametrize(
    ("place", "status", "effects"),
    [
        ("api.after_idem_insert", None, 0),
        ("api.before_commit", None, 0),
        ("api.after_commit", 200, 1),
    ],
)
async def test_a_process_killed_there_leaves_one_effect_and_one_answer(
    api: RunningApi, acme: Created, place: str, status: int | None, effects: int
) -> None:
    settings = api.settings
    with running_api(settings, environ={"FAILPOINTS": f"{place}:kill"}) as doomed:
        assert await is_cut_off(send(doomed, acme))
        assert doomed.process.wait(10) == -signal.SIGKILL
    for left_behind in (settings.storage_dir / "spool").glob("*.part"):
        left_behind.unlink()  # as the sweep of a later day would: other tests look at the spool
    assert await states(settings, acme.org_id) == [status]
    assert len(await jobs(settings, acme)) == effects

    early = await send(api, acme)
    await let_pass(settings, LOCK_PASSED_S)
    first, again = await send(api, acme), await send(api, acme)

    if status is None:
        assert (early.status, problem(early)) == (409, "idempotency_in_progress")
        assert 1 <= int(early.headers["retry-after"]) <= 10
        assert "idempotency-replayed" not in first.headers
    else:
        assert early.body == first.body
        assert early.headers["idempotency-replayed"] == "true"
    assert (first.status, again.status) == (200, 200)
    assert again.body == first.body
    assert again.headers["x-log-head"] == first.headers["x-log-head"]
    assert len(await jobs(settings, acme)) == 1


async def until_blocked(settings: Settings, count: int) -> None:
    """Wait until that many appends wait for the head of a log."""
    async with writing(settings) as connection, asyncio.timeout(20):
        while (
            await connection.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                " AND datname = current_database() AND query LIKE '%es.tenant_head%'"
            )
            < count
        ):
            await asyncio.sleep(0.01)


async def test_who_stalls_before_the_append_and_wakes_after_being_taken_over_does_nothing(
    api: RunningApi, second: RunningApi, acme: Created
) -> None:
    async with writing(api.settings) as connection:
        # It stalls where it waits for somebody who appends: at its own first statement.
        holding = connection.transaction()
        await holding.start()
        await connection.execute(
            "SELECT FROM es.tenant_head WHERE tenant_id = $1 FOR UPDATE", acme.org_id.uuid
        )
        stalled = asyncio.create_task(send(second, acme))
        await until_blocked(api.settings, 1)
        second.process.send_signal(signal.SIGSTOP)
        try:
            # Its statement runs on in the server when the head is free, and is rolled back there.
            await holding.rollback()
            await let_pass(api.settings, LOCK_PASSED_S)
            heir = await send(api, acme)
        finally:
            second.process.send_signal(signal.SIGCONT)
    woken = await stalled
    again = await send(api, acme)

    assert heir.status == 200
    assert woken.status in {409, 503}
    assert again.body == heir.body
    assert len(await jobs(api.settings, acme)) == 1


async def test_who_stalls_during_the_render_and_wakes_after_being_taken_over_does_nothing(
    api: RunningApi, second: RunningApi, acme: Created
) -> None:
    [child] = psutil.Process(second.process.pid).children()
    child.suspend()
    stalled = asyncio.create_task(send(second, acme))
    await until_states(api.settings, acme.org_id, [None])
    second.process.send_signal(signal.SIGSTOP)
    try:
        await let_pass(api.settings, LOCK_PASSED_S)
        heir = await send(api, acme)
    finally:
        child.resume()
        second.process.send_signal(signal.SIGCONT)
    woken = await stalled
    again = await send(api, acme)

    assert heir.status == 200
    assert (woken.status, problem(woken)) == (409, "idempotency_in_progress")
    assert again.body == heir.body
    assert len(await jobs(api.settings, acme)) == 1


async def test_without_the_database_a_key_is_not_used_up(
    client: Client, api: RunningApi, acme: Created, servers: RunningServices
) -> None:
    assert client.get("/api/v1/whoami").status_code == 200
    owner = await asyncpg.connect(servers.admin_url)
    name = api.settings.database_url.rpartition("/")[2].partition("?")[0]
    await owner.execute(f"ALTER DATABASE {name} CONNECTION LIMIT 0")
    try:
        await owner.execute(
            # Each is waited for: one that dies later would take the request after with it.
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = $1",
            name,
        )
        away = await send(api, acme)
    finally:
        await owner.execute(f"ALTER DATABASE {name} CONNECTION LIMIT -1")
        await owner.close()

    first = await send(api, acme)

    assert (away.status, problem(away)) == (503, "overloaded")
    assert away.headers["retry-after"]
    assert first.status == 200
    assert "idempotency-replayed" not in first.headers
    assert len(await jobs(api.settings, acme)) == 1
