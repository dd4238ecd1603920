"""/api/v1/org: what the organization is called, and what a suspended one is answered."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from api.client import Client, assert_problem
from api.server import RunningApi
from domain.org_limits import OrgLimits
from domain.recorded import Actor
from packshot.commands.organizations import Created
from packshot.wiring import Services, open_services

ORG = "/api/v1/org"
SYSTEM = Actor("system", "test")


def until(said: Callable[[], bool]) -> None:
    """Ask until a process has forgotten what it believed of a key."""
    deadline = time.monotonic() + 20
    while not said():
        assert time.monotonic() < deadline, "never"


def with_services(api: RunningApi, work: Any) -> Any:
    async def run() -> Any:
        async with open_services(api.settings, render=False) as services:
            return await work(services)

    return asyncio.run(run())


def test_the_organization_is_told_and_renamed(client: Client, acme: Created) -> None:
    told = client.get(ORG).json()
    assert told["orgId"] == str(acme.org_id)
    assert (told["status"], told["limits"]) == (
        "active", {"burst": 1000, "perMinute": 6000, "atOnce": 64, "monthlyPictures": None},
    )  # fmt: skip

    renamed = client.send("PATCH", ORG, json={"name": " Acme 株式会社 <b> "})
    again = client.send("PATCH", ORG, json={"name": "Acme 株式会社 <b>"})

    assert renamed.json() == again.json() == told | {"name": "Acme 株式会社 <b>"}
    assert ("x-log-head" in renamed.headers, "x-log-head" in again.headers) == (True, False)
    assert client.get(ORG).json() == renamed.json()


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "missing_parameter"),
        ({"name": ""}, 400, "missing_parameter"),
        ({"name": "a" * 201}, 422, "invalid_parameter"),
        ({"name": "A", "status": "closed"}, 422, "unknown_field"),
        ({"name": "A", "orgId": "org_x"}, 422, "unknown_field"),
        ({"limits": {"burst": 1}}, 422, "unknown_field"),
    ],
)
def test_a_wrong_change_is_refused(
    client: Client, body: dict[str, Any], status: int, code: str
) -> None:
    assert_problem(client.send("PATCH", ORG, json=body), status, code)
    assert client.get(ORG).json()["name"] == "Acme"


def test_scopes_are_asked(client: Client) -> None:
    body = {"name": "Narrow", "scopes": ["members:read"]}
    reader = client.with_key(client.post("/api/v1/keys", json=body).json()["secret"])

    assert reader.get(ORG).status_code == 200
    assert_problem(reader.send("PATCH", ORG, json={"name": "Mine"}), 403, "scope_missing")


def test_a_key_of_a_suspended_organization_is_refused_everything_and_told_why(
    api: RunningApi, client: Client, acme: Created, globex: Created
) -> None:
    async def suspend(services: Services) -> None:
        await services.supervision.suspend(SYSTEM, acme.org_id, reason="Unpaid since May.")

    async def resume(services: Services) -> None:
        await services.supervision.resume(SYSTEM, acme.org_id)

    with_services(api, suspend)
    # At once by the log itself; within the life of what a process believes by the gate.
    assert_problem(client.post("/api/v1/invites", json={"role": "viewer"}), 403, "org_suspended")
    until(lambda: client.get(ORG).status_code == 403)
    problem = assert_problem(client.get("/api/v1/whoami"), 403, "org_suspended")

    assert "Unpaid since May." in problem["detail"]
    assert client.with_key(globex.secret).get(ORG).status_code == 200
    with_services(api, resume)
    until(lambda: client.get(ORG).status_code == 200)


def test_limits_of_its_own_are_what_an_organization_is_held_to(
    api: RunningApi, client: Client, acme: Created, globex: Created
) -> None:
    async def limit(services: Services) -> None:
        await services.supervision.limit(
            SYSTEM, acme.org_id, OrgLimits(burst=1, per_minute=1, at_once=3)
        )

    with_services(api, limit)
    until(lambda: client.get(ORG).headers["x-ratelimit-limit"] == "1")
    asked = [client.get("/api/v1/limits") for _ in range(30)]

    passed = [answer for answer in asked if answer.status_code == 200]
    assert 1 <= len(passed) <= 12  # a burst of 1 at 0.1 each, and what a minute earns
    assert passed[0].json()["concurrency"]["limit"] == 3
    assert passed[0].json()["buckets"][0]["limit"] == 1
    assert_problem(asked[-1], 429, "rate_limited")
    assert client.with_key(globex.secret).get(ORG).headers["x-ratelimit-limit"] == "1000"
