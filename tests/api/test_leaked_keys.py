"""Whoever finds a key ends it: the key is the only proof, and nobody learns whether it was one."""

import asyncio
from typing import Any

import asyncpg
import orjson
import pytest
import redis

from api.client import Client, assert_problem
from api.projecting import running_projector
from api.server import RunningApi
from api.test_key_access import eventually, with_services
from api.test_keys import dumped
from domain.ids import KeyId
from domain.key_text import KeyText, checksum
from domain.recorded import Actor
from packshot.commands.organizations import Created
from packshot.edge.limiter import in_own_database
from packshot.wiring import Services

KEYS = "/api/v1/keys"
REPORT = f"{KEYS}/revoke-leaked"
WHOAMI = "/api/v1/whoami"


def create(client: Client, **wish: Any) -> dict[str, Any]:
    answer = client.post(KEYS, json={"name": "Shop", "scopeSet": "process only"} | wish)
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


def test_a_found_key_is_ended_at_once_and_its_owner_told_where_and_by_whom(
    api: RunningApi, client: Client
) -> None:
    key = create(client)
    own = client.with_key(key["secret"])
    assert own.get(WHOAMI).status_code == 200
    body = {"key": key["secret"], "source": f"https://example.com/?k={key['secret']}"}

    answer = client.without_key().post(REPORT, json=body)

    assert answer.status_code == 200, answer.text
    assert "x-log-position" not in answer.headers
    assert_problem(own.get(WHOAMI), 401, "key_revoked")
    told = client.get(f"{KEYS}/{key['keyId']}").json()
    assert (told["status"], told["revokedReason"]) == ("revoked", "leaked")
    event = asyncio.run(revocation(api, key["keyId"]))
    assert event["address"] in {"127.0.0.1", "::1"}
    assert event["source"] == f"https://example.com/?k={key['prefix']}_…"
    head = client.send("PATCH", f"{KEYS}/{key['keyId']}", json={"name": "Found"})
    with running_projector(api.settings):
        entries = client.get(
            "/api/v1/activity", headers={"x-min-position": head.headers["x-log-position"]}
        ).json()["data"]
    assert entries[1]["sentence"] == "The API key “Shop” was revoked."
    assert entries[1]["actor"]["type"] == "system"
    api.log.wait_for(event="leaked_key_revoked", key=key["prefix"])
    shown = asyncio.run(dumped(api.settings.database_url.replace("packshot_app", "postgres")))
    assert key["secret"][20:] not in shown + b"".join(api.log.raw).decode() + answer.text


async def revocation(api: RunningApi, key_id: str) -> dict[str, Any]:
    owner = await asyncpg.connect(api.settings.database_url.replace("packshot_app", "postgres"))
    data = await owner.fetchval(
        "SELECT data FROM es.event WHERE stream_id = $1 AND type = 'api-key.revoked.v1'",
        KeyId.parse(key_id).uuid,
    )
    await owner.close()
    told: dict[str, Any] = orjson.loads(data)
    return told


@pytest.mark.parametrize("header", ["x-api-key", "authorization"])
def test_the_key_may_be_sent_as_a_credential(client: Client, header: str) -> None:
    secret = create(client)["secret"]
    value = secret if header == "x-api-key" else f"Bearer {secret}"

    answer = client.without_key().post(REPORT, headers={header: value})

    assert answer.status_code == 200
    assert_problem(client.with_key(secret).get(WHOAMI), 401, "key_revoked")


def test_every_report_is_answered_alike(client: Client) -> None:
    working, revoked = create(client), create(client)
    client.post(f"{KEYS}/{revoked['keyId']}/revoke")
    body = working["secret"][:20] + "A" * 32
    forged = body + checksum(body)
    unknown = KeyText.make("live").text
    asked = client.without_key()

    answers = [
        asked.post(REPORT, json={"key": text})
        for text in (forged, unknown, revoked["secret"], working["secret"], working["secret"])
    ]

    assert {(answer.status_code, answer.text) for answer in answers} == {(200, answers[0].text)}
    changing = {"date", "x-request-id", "content-length"}
    names = {frozenset(answer.headers) - changing for answer in answers}
    assert len(names) == 1


def test_a_forged_secret_and_one_whose_grace_is_over_end_nothing(client: Client) -> None:
    key = create(client)
    body = key["secret"][:20] + "A" * 32
    newest = client.post(f"{KEYS}/{key['keyId']}/rotate", json={"graceSeconds": 0}).json()["secret"]

    for text in (body + checksum(body), key["secret"]):
        assert client.without_key().post(REPORT, json={"key": text}).status_code == 200

    assert client.with_key(newest).get(WHOAMI).status_code == 200
    rotated = client.post(f"{KEYS}/{key['keyId']}/rotate", json={"graceSeconds": 3600}).json()
    client.without_key().post(REPORT, json={"key": newest})
    assert_problem(client.with_key(rotated["secret"]).get(WHOAMI), 401, "key_revoked")


def test_a_key_confined_to_networks_is_ended_from_anywhere(client: Client) -> None:
    key = create(client, allowedCidrs=["203.0.113.0/24"])

    client.without_key().post(REPORT, json={"key": key["secret"]})

    assert client.get(f"{KEYS}/{key['keyId']}").json()["status"] == "revoked"


@pytest.mark.parametrize(
    ("body", "status", "code", "param"),
    [
        ({}, 400, "missing_parameter", "key"),
        ({"key": ""}, 422, "invalid_parameter", "key"),
        ({"key": 7}, 422, "invalid_parameter", "key"),
        ({"key": ["x"]}, 422, "invalid_parameter", "key"),
        ({"key": "pshot_live_canary00_" + "7" * 38}, 422, "invalid_parameter", "key"),
        ({"key": KeyText.make("live").text, "orgId": "org_1"}, 422, "unknown_field", "orgId"),
        ({"source": "a\nb"}, 422, "invalid_parameter", "source"),
    ],
)
def test_a_report_without_a_whole_key_is_refused_and_shows_nothing_of_it(
    client: Client, body: dict[str, Any], status: int, code: str, param: str
) -> None:
    answer = client.without_key().post(REPORT, json=body)

    assert assert_problem(answer, status, code)["param"] == param
    assert "canary" not in answer.text
    two = client.post(REPORT, json={"key": KeyText.make("live").text})
    assert_problem(two, 400, "ambiguous_credentials")


def test_reports_are_throttled_by_address(api: RunningApi, client: Client) -> None:
    unknown = KeyText.make("live").text
    asked = [client.without_key().post(REPORT, json={"key": unknown}) for _ in range(40)]

    assert 30 <= sum(answer.status_code == 200 for answer in asked) < 40
    assert_problem(asked[-1], 429, "rate_limited")
    with redis.Redis.from_url(in_own_database(api.settings.redis_url)) as valkey:
        valkey.flushdb()


def test_a_key_in_the_words_of_a_person_is_not_recorded(
    api: RunningApi, client: Client, acme: Created
) -> None:
    key = create(client)
    named = client.send("PATCH", f"{KEYS}/{key['keyId']}", json={"name": f"it {key['secret']}"})
    client.post(f"{KEYS}/{key['keyId']}/revoke", json={"reason": f"{key['secret']} was posted"})

    problem = assert_problem(named, 422, "invalid_parameter")
    assert (problem["param"], key["secret"] in named.text) == ("name", False)
    told = client.get(f"{KEYS}/{key['keyId']}").json()
    assert told["revokedReason"] == f"{key['prefix']}_… was posted"
    shown = asyncio.run(dumped(api.settings.database_url.replace("packshot_app", "postgres")))
    assert key["secret"][20:] not in shown
    assert str(acme.key_id) in shown


def test_a_key_of_a_suspended_organization_is_ended_and_the_report_answered_alike(
    api: RunningApi, client: Client, acme: Created
) -> None:
    key = create(client)
    operator = Actor("system", "test")

    async def suspend(services: Services) -> None:
        await services.supervision.suspend(operator, acme.org_id, reason="Unpaid.")

    async def resume(services: Services) -> None:
        await services.supervision.resume(operator, acme.org_id)

    with_services(api, suspend)
    answer = client.without_key().post(REPORT, json={"key": key["secret"]})
    unknown = client.without_key().post(REPORT, json={"key": KeyText.make("live").text})
    with_services(api, resume)

    assert (answer.status_code, answer.text) == (unknown.status_code, unknown.text)
    eventually(client.with_key(key["secret"]), 401, WHOAMI)
    assert_problem(client.with_key(key["secret"]).get(WHOAMI), 401, "key_revoked")
