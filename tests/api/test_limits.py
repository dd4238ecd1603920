"""Limits: their arithmetic, in Valkey and without it, and what every answer says of them."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from api.client import Client, assert_problem
from api.running import PATIENT_S
from api.server import RunningApi
from packshot.admin.shell.tries import of_account
from packshot.app import ENDPOINTS, create_app
from packshot.config import LIMITER_ANSWER_WITHIN_S
from packshot.edge import limiter as limiter_module
from packshot.edge.gcra import LocalBuckets
from packshot.edge.limiter import Limiter, in_own_database
from packshot.edge.limits import (
    ADDRESS,
    ORGANIZATION,
    Charge,
    Decision,
    Policy,
    address_charge,
    limit_headers,
    tightest,
)
from packshot.embedded.valkey import answers, binary
from packshot.wiring import open_services
from services import RunningServices

SLOW = Policy("slow", burst=50, per_second=1.0)
SLOWER = Policy("slower", burst=3, per_second=0.001)
FAMILY = (
    "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset",
    "x-ratelimit-retry-after", "ratelimit", "ratelimit-policy", "x-request-id",
)  # fmt: skip


@pytest.fixture
async def limiter(servers: RunningServices) -> AsyncIterator[Limiter]:
    """A limiter on the test's Valkey."""
    limiter = Limiter.connect(servers.redis_url, answer_within_s=PATIENT_S)
    yield limiter
    await limiter.close()


async def test_never_more_than_the_burst_passes_at_once(limiter: Limiter) -> None:
    charge = Charge(SLOW, "a", 1.0)
    began = time.monotonic()

    decisions = await asyncio.gather(*(limiter.take((charge,)) for _ in range(500)))

    earned = int((time.monotonic() - began) * SLOW.per_second) + 1
    passed = sum(decision.allowed for decision in decisions)
    assert SLOW.burst <= passed <= SLOW.burst + earned


async def test_the_bound_holds_over_several_limiters(servers: RunningServices) -> None:
    limiters = [Limiter.connect(servers.redis_url, answer_within_s=PATIENT_S) for _ in range(4)]
    charge = Charge(SLOWER, "shared", 1.0)

    decisions = await asyncio.gather(*(one.take((charge,)) for one in limiters for _ in range(20)))
    for limiter in limiters:
        await limiter.close()

    assert sum(decision.allowed for decision in decisions) == SLOWER.burst


async def test_a_refusal_by_one_bucket_charges_none(limiter: Limiter) -> None:
    wide, narrow = Charge(SLOW, "b", 1.0), Charge(SLOWER, "b", 1.0)
    for _ in range(SLOWER.burst):
        await limiter.take((wide, narrow))
    left = (await limiter.take((Charge(SLOW, "b", 0.0),))).remaining

    refused = await limiter.take((wide, narrow))

    assert not refused.allowed
    assert refused.policy is SLOWER
    assert refused.retry_after_s > 900
    assert (await limiter.take((Charge(SLOW, "b", 0.0),))).remaining == left


async def test_costs_are_weighed(limiter: Limiter) -> None:
    for _ in range(10):
        decision = await limiter.take((Charge(SLOW, "c", 0.1),))

    assert decision.remaining == SLOW.burst - 1


async def test_flushed_scripts_are_loaded_again(limiter: Limiter) -> None:
    await limiter.take((Charge(SLOW, "d", 1.0),))
    await limiter._client.script_flush()

    decision = await limiter.take((Charge(SLOW, "d", 1.0),))

    assert decision.allowed
    assert not limiter.is_degraded


async def test_without_valkey_the_process_counts_for_itself() -> None:
    limiter = Limiter.connect("redis://127.0.0.1:1")
    charge = Charge(SLOWER, "e", 1.0)

    allowed = [(await limiter.take((charge,))).allowed for _ in range(5)]

    assert allowed == [True, True, True, False, False]
    assert limiter.is_degraded
    await limiter.close()


async def test_a_silent_valkey_is_waited_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limiter_module, "PROBE_EVERY_S", 3600.0)
    with socket.create_server(("127.0.0.1", 0)) as black_hole:
        limiter = Limiter.connect(f"redis://127.0.0.1:{black_hole.getsockname()[1]}")
        charge = Charge(SLOW, "f", 1.0)

        first = await asyncio.gather(*(limiter.take((charge,)) for _ in range(50)))
        later = [await limiter.take((charge,)) for _ in range(100)]

        black_hole.setblocking(False)
        black_hole.accept()[0].close()
        with pytest.raises(BlockingIOError):  # nobody knocked a second time
            black_hole.accept()
        assert all(decision.allowed for decision in first)
        assert not any(decision.allowed for decision in later[10:])
        await limiter.close()


async def test_an_api_whose_valkey_is_silent_answers_and_keeps_to_the_limits(
    api: RunningApi,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as black_hole:
        settings = replace(
            api.settings,
            redis_url=f"redis://127.0.0.1:{black_hole.getsockname()[1]}",
            limiter_answer_within_s=LIMITER_ANSWER_WITHIN_S,
        )
        async with open_services(api.settings, render=False) as services:
            app = create_app(replace(services, settings=settings))
            async with app.test_app() as running, asyncio.timeout(PATIENT_S):
                client = running.test_client()
                answers = [await client.get("/api/v1/whoami") for _ in range(ADDRESS.burst)]
                while answers[-1].status_code == 401:
                    answers.append(await client.get("/api/v1/whoami"))
                ready = await client.get("/readyz")

    assert {answer.status_code for answer in answers[: ADDRESS.burst]} == {401}
    assert answers[-1].status_code == 429
    assert await ready.get_json() == {"status": "ready", "degraded": ["limiter"]}


async def test_a_valkey_that_is_killed_is_asked_once_more_and_used_again_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limiter_module, "PROBE_EVERY_S", 0.01)
    path = tmp_path / "v.sock"
    limiter = Limiter.connect(f"unix://{path}", answer_within_s=PATIENT_S)
    asked, call = 0, limiter._call

    async def counted(keys: list[str], numbers: str) -> bytes:
        nonlocal asked
        asked += 1
        return await call(keys, numbers)

    monkeypatch.setattr(limiter, "_call", counted)
    charge = Charge(SLOWER, "killed", 1.0)
    valkey = await started_valkey(path)
    assert (await limiter.take((charge,))).remaining == SLOWER.burst - 1
    assert asked == 1

    valkey.kill()
    await valkey.wait()
    away = [await limiter.take((charge,)) for _ in range(20)]

    assert asked == 2  # only the first of them went there
    assert sum(decision.allowed for decision in away) == SLOWER.burst
    assert limiter.is_degraded
    valkey = await started_valkey(path)
    assert limiter._probe is not None
    await limiter._probe
    assert (await limiter.take((charge,))).allowed
    assert asked == 3
    valkey.kill()
    await valkey.wait()
    await limiter.close()


async def started_valkey(path: Path) -> asyncio.subprocess.Process:
    """A Valkey of the test's own that answers on that socket."""
    options = ("--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(path.parent))
    process = await asyncio.create_subprocess_exec(
        binary(), *options, stdout=asyncio.subprocess.DEVNULL
    )
    async with asyncio.timeout(PATIENT_S):
        while not answers(path):
            await asyncio.sleep(0)
    return process


async def test_costs_of_five_processes_never_exceed_burst_and_rate(
    servers: RunningServices,
) -> None:
    limiters = [Limiter.connect(servers.redis_url, answer_within_s=PATIENT_S) for _ in range(5)]
    rng, began = Random(5), time.monotonic()
    costs = [rng.choice([0.1, 1.0, 2.0, 4.0]) for _ in range(400)]

    decisions = await asyncio.gather(
        *(
            limiters[number % 5].take((Charge(SLOW, "five", cost),))
            for number, cost in enumerate(costs)
        )
    )
    elapsed_s = time.monotonic() - began
    for limiter in limiters:
        await limiter.close()

    admitted = sum(
        cost for cost, decision in zip(costs, decisions, strict=True) if decision.allowed
    )
    assert SLOW.burst - 4 < admitted <= SLOW.burst + SLOW.per_second * elapsed_s + 0.01


@given(seed=st.integers(0, 10_000))
def test_without_valkey_five_processes_together_keep_to_the_limit(seed: int) -> None:
    rng, began_s = Random(seed), 1000.0
    processes = [LocalBuckets({}, processes=5) for _ in range(5)]
    now_s, admitted = began_s, 0.0
    for _ in range(200):
        now_s += rng.choice([0, 0, 0, 0.5])
        charge = Charge(SLOW, "p", rng.choice([0.1, 1.0, 2.0, 4.0]))
        decision = rng.choice(processes).take((charge,), now_s=now_s)
        admitted += charge.cost * decision.allowed
        assert admitted <= SLOW.burst + SLOW.per_second * (now_s - began_s) + 1e-6


def test_a_request_heavier_than_a_share_passes_when_the_share_is_whole() -> None:
    local = LocalBuckets({}, processes=5)
    heavy = Charge(SLOW, "heavy", 40.0)

    assert local.take((heavy,), now_s=100.0).allowed
    refused = local.take((heavy,), now_s=100.0)
    assert not refused.allowed
    assert local.take((heavy,), now_s=100.0 + refused.retry_after_s + 0.001).allowed


def test_a_bucket_of_sign_in_is_as_strict_without_valkey() -> None:
    local = LocalBuckets({}, processes=1)
    charge = of_account("ada@example.com")

    allowed = [local.take((charge,), now_s=100.0).allowed for _ in range(7)]

    assert allowed == [True] * 5 + [False] * 2


async def test_valkey_is_used_again_when_it_is_back(servers: RunningServices) -> None:
    limiter = Limiter.connect(servers.redis_url, answer_within_s=PATIENT_S)
    limiter._open_breaker(TimeoutError())
    assert limiter.is_degraded
    assert limiter._probe is not None

    await limiter._probe

    assert not limiter.is_degraded
    await limiter.close()


def test_both_arithmetics_agree() -> None:
    local = LocalBuckets({})
    charge = Charge(SLOWER, "g", 1.0)

    decisions = [local.take((charge,), now_s=100.0) for _ in range(4)]

    assert [d.remaining for d in decisions] == [2, 1, 0, 0]
    assert [d.allowed for d in decisions] == [True, True, True, False]
    assert decisions[3].retry_after_s == pytest.approx(1000)
    assert local.take((charge,), now_s=1100.1).allowed


def test_forgotten_buckets_are_dropped() -> None:
    local = LocalBuckets({f"limit:{n}": 1.0 for n in range(20_000)})

    local.take((Charge(SLOW, "h", 1.0),), now_s=100.0)

    assert len(local.whole_at_s) == 1


def test_an_ipv6_network_is_one_address() -> None:
    first = address_charge("2001:db8:1:2:aaaa::1").bucket
    second = address_charge("2001:db8:1:2:bbbb::9").bucket
    other = address_charge("2001:db8:1:3::1").bucket

    assert first == second != other
    assert address_charge("::ffff:10.0.0.1").bucket == address_charge("10.0.0.1").bucket


def test_the_tightest_bucket_is_told() -> None:
    wide = Decision(ORGANIZATION, allowed=True, remaining=900, reset_s=1, retry_after_s=0)
    narrow = Decision(ADDRESS, allowed=True, remaining=3, reset_s=50, retry_after_s=0)

    told = tightest([wide, narrow])

    assert told.policy is ADDRESS
    assert told.also == (wide,)


def test_a_refusal_is_told_before_a_bucket_that_is_nearly_empty() -> None:
    low = Decision(ADDRESS, allowed=True, remaining=0, reset_s=50, retry_after_s=0)
    short = Decision(SLOW, allowed=False, remaining=9, reset_s=9, retry_after_s=2)
    long = Decision(SLOWER, allowed=False, remaining=9, reset_s=9, retry_after_s=7)

    assert [told.policy for told in policies_of(tightest([low, short, long]))] == [
        SLOWER, SLOW, ADDRESS,
    ]  # fmt: skip


def test_the_ietf_header_lists_every_policy_and_the_tightest_first() -> None:
    wide = Decision(ORGANIZATION, allowed=True, remaining=900, reset_s=0.2, retry_after_s=0)
    narrow = Decision(ADDRESS, allowed=False, remaining=0, reset_s=59.5, retry_after_s=1.2)

    headers = dict(limit_headers(tightest([wide, narrow])))

    assert headers[b"ratelimit"] == b'"address";r=0;t=2, "organization";r=900;t=1'
    assert headers[b"ratelimit-policy"] == b'"address";q=30;w=60, "organization";q=1000;w=10'
    assert headers[b"x-ratelimit-limit"] == b"30"


def policies_of(decision: Decision) -> list[Decision]:
    """The decision and those beside it, in the order told."""
    return [decision, *decision.also]


def test_the_wait_of_a_refusal_stands_in_both_families() -> None:
    refused = Decision(ADDRESS, allowed=False, remaining=0, reset_s=59.5, retry_after_s=1.2)

    headers = dict(limit_headers(refused))

    assert headers[b"x-ratelimit-retry-after"] == b"2"
    assert headers[b"ratelimit"] == b'"address";r=0;t=2'
    assert headers[b"ratelimit-policy"] == b'"address";q=30;w=60'


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("redis://h:6379", "redis://h:6379?db=1"),
        ("redis://h:6379/0", "redis://h:6379?db=1"),
        ("unix:///run/my%20v.sock?db=0", "unix:///run/my%20v.sock?db=1"),
    ],
)
def test_the_limiter_keeps_to_its_own_database(given: str, used: str) -> None:
    assert in_own_database(given) == used


def test_every_answer_tells_the_limits(client: Client) -> None:
    answers = [
        client.get("/api/v1/whoami"),
        client.get("/healthz"),
        client.get("/readyz"),
        client.get("/nowhere"),
        client.get("/api/v1/process"),
        client.get("/docs/errors/not_found"),
        client.get("/api/v1/openapi"),
        client.post("/api/v1/process", data=b"x", headers={"content-encoding": "br"}),
        client.without_key().get("/api/v1/whoami"),
        client.send("OPTIONS", "/api/v1/whoami"),
    ]

    for answer in answers:
        assert all(name in answer.headers for name in FAMILY), answer.url
        assert answer.headers["x-ratelimit-retry-after"] == "0"
        assert answer.headers["x-request-id"].startswith("req_")


def test_a_read_costs_a_tenth_and_a_packshot_one() -> None:
    costs = {endpoint.path: endpoint.cost for endpoint in ENDPOINTS if not endpoint.is_public}
    heavy = {path: cost for path, cost in costs.items() if cost != 0.1}

    of_weight_one = {path: heavy.pop(path) for path in list(heavy) if heavy[path] == 1.0}

    assert of_weight_one.keys() == {
        "/api/v1/process",
        "/api/v1/audit/export",
        "/api/v1/audit/verify",
        "/api/v1/compliance",
        "/api/v1/integrations/{integrationId}/credentials",
        "/api/v1/integrations/{integrationId}/test",
        "/api/v1/publishes/{publishId}/retry",
        "/api/v1/publishes/{publishId}/rollback",
        "/api/v1/publishes/{publishId}/verify",
    }
    assert heavy == {
        "/api/v1/upscale": 4.0,
        "/api/v1/backgrounds/generate": 4.0,
        "/api/v1/relight/shadow": 2.0,
    }


def test_an_organization_tells_its_burst(client: Client) -> None:
    began = time.time()

    answer = client.get("/api/v1/whoami")

    ended = time.time()
    assert answer.headers["x-ratelimit-limit"] == "1000"
    assert answer.headers["x-ratelimit-remaining"] == "999"
    assert answer.headers["ratelimit-policy"] == '"organization";q=1000;w=10'
    assert began <= int(answer.headers["x-ratelimit-reset"]) < ended + 2


def test_an_address_without_a_key_may_ask_thirty_times(client: Client) -> None:
    stranger = client.without_key()

    refused = assert_passes_the_burst(stranger, "/api/v1/whoami", status=401)

    problem = assert_problem(refused, 429, "rate_limited")
    assert "address" in problem["detail"]
    wait = int(refused.headers["retry-after"])
    assert wait >= 1
    assert refused.headers["x-ratelimit-retry-after"] == str(wait)
    assert f"t={wait}" in refused.headers["ratelimit"]
    assert stranger.get("/healthz").status_code == 200
    assert client.get("/api/v1/whoami").status_code == 200


def test_an_unknown_address_counts_too(client: Client) -> None:
    refused = assert_passes_the_burst(client.without_key(), "/nowhere", status=404)

    assert_problem(refused, 429, "rate_limited")


def assert_passes_the_burst(stranger: Client, path: str, *, status: int) -> requests.Response:
    """Ask until refused: the burst passes and what was earned since, no more; the refusal."""
    began, passed = time.monotonic(), 0
    while (answer := stranger.get(path)).status_code == status:
        passed += 1
        earned = (time.monotonic() - began) * ADDRESS.per_second
        assert passed <= ADDRESS.burst + earned + 1
    assert passed >= ADDRESS.burst
    return answer
