"""/api/v1/keys: created with no more than one has, shown once, rotated, revoked, last used."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from api.client import Client, assert_problem
from api.projecting import running_projector
from api.server import RunningApi, running_api
from domain.ids import KeyId
from domain.scopes import EVERY_SCOPE, SCOPE_SETS
from given import context
from packshot.commands.api_keys import NewKey
from packshot.commands.organizations import Created
from packshot.wiring import open_services

KEYS = "/api/v1/keys"
WHOAMI = "/api/v1/whoami"
MEMBERS = {
    "keyId", "prefix", "name", "scopes", "environment", "status", "createdAt", "createdBy",
    "expiresAt", "formerSecretUntil", "revokedAt", "revokedReason", "lastUsedAt",
    "lastUsedAddress", "lastUsedEndpoint", "effectiveScopes", "responsible", "adoptable", "teamId",
    "allowedCidrs", "rateLimit", "warnings",
}  # fmt: skip


def create(client: Client, **wish: Any) -> dict[str, Any]:
    """A new key as it was answered."""
    answer = client.post(KEYS, json={"name": "Shop", "scopeSet": "process only"} | wish)
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


def with_scopes(client: Client, *scopes: str) -> Client:
    """A client with a new key of these scopes."""
    return client.with_key(create(client, scopes=scopes, scopeSet=None)["secret"])


def test_a_new_key_is_told_once_and_works(client: Client, acme: Created) -> None:
    before = datetime.now(UTC)

    answer = client.post(KEYS, json={"name": "Shop", "scopes": ["jobs:read", "files:read"]})

    assert answer.status_code == 201
    told = answer.json()
    assert told.keys() == MEMBERS | {"secret"}
    assert answer.headers["location"] == f"{KEYS}/{told['keyId']}"
    assert int(answer.headers["x-log-position"]) == acme.head.position + 1
    assert told["secret"].startswith(told["prefix"] + "_")
    assert told["scopes"] == ["files:read", "jobs:read"]
    assert told["createdBy"] == {"type": "key", "id": str(acme.key_id), "name": "First key"}
    assert (told["status"], told["environment"]) == ("active", "live")
    assert (told["lastUsedAt"], told["revokedAt"], told["formerSecretUntil"]) == (None, None, None)
    year = datetime.fromisoformat(told["expiresAt"]) - before
    assert timedelta(days=364) < year < timedelta(days=366)
    found = client.get(f"{KEYS}/{told['keyId']}")
    assert found.json() == {name: told[name] for name in MEMBERS}
    who = client.with_key(told["secret"]).get(WHOAMI).json()
    assert (who["keyId"], who["expiresAt"]) == (told["keyId"], told["expiresAt"])
    assert_problem(client.with_key(told["secret"]).get(KEYS), 403, "scope_missing")


@pytest.mark.parametrize("name", SCOPE_SETS)
def test_a_named_set_becomes_its_scopes(client: Client, name: str) -> None:
    assert create(client, scopeSet=name)["scopes"] == sorted(SCOPE_SETS[name])


def test_a_key_may_end_soon_or_never_and_be_for_tests(client: Client) -> None:
    soon = (datetime.now(UTC) + timedelta(days=3)).isoformat()

    assert create(client, expiresAt="never")["expiresAt"] is None
    assert create(client, expiresAt=soon)["status"] == "expiring"
    assert create(client, environment="test")["secret"].startswith("pshot_test_")


@pytest.mark.parametrize(
    ("wish", "status", "code", "param"),
    [
        ({"name": None}, 400, "missing_parameter", "name"),
        ({"name": "  "}, 400, "missing_parameter", "name"),
        ({"name": 7}, 422, "invalid_parameter", "name"),
        ({"name": "a" * 101}, 422, "invalid_parameter", "name"),
        ({"name": "a\nb"}, 422, "invalid_parameter", "name"),
        ({"name": "gnp.\u202eexe"}, 422, "invalid_parameter", "name"),
        ({"scopeSet": None}, 400, "missing_parameter", "scopes"),
        ({"scopeSet": "all"}, 422, "invalid_parameter", "scopeSet"),
        ({"scopes": ["files:read"]}, 422, "invalid_parameter", "scopeSet"),
        ({"scopeSet": None, "scopes": []}, 422, "invalid_parameter", "scopes"),
        ({"scopeSet": None, "scopes": ["*"]}, 422, "invalid_parameter", "scopes"),
        ({"scopeSet": None, "scopes": [["files:read"]]}, 422, "invalid_parameter", "scopes"),
        ({"scopeSet": None, "scopes": "files:read"}, 422, "invalid_parameter", "scopes"),
        ({"environment": "prod"}, 422, "invalid_parameter", "environment"),
        ({"expiresAt": "2020-01-01T00:00:00Z"}, 422, "invalid_parameter", "expiresAt"),
        ({"expiresAt": "tomorrow"}, 422, "invalid_parameter", "expiresAt"),
        ({"expiresAt": "2030-01-01T00:00:00"}, 422, "invalid_parameter", "expiresAt"),
        ({"allowedCidrs": ["10.0.0.1/8"]}, 422, "invalid_parameter", "allowedCidrs"),
        ({"rateLimit": {"limit": 0, "windowSeconds": 1}}, 422, "rateLimit.limit_out_of_range",
         "rateLimit.limit"),
        ({"teamId": "team_1"}, 422, "invalid_parameter", "teamId"),
        ({"orgId": "org_1"}, 422, "unknown_field", "orgId"),
        ({"secret": "mine"}, 422, "unknown_field", "secret"),
    ],
)  # fmt: skip
def test_a_wrong_wish_is_refused_and_makes_no_key(
    client: Client, wish: dict[str, Any], status: int, code: str, param: str
) -> None:
    answer = client.post(KEYS, json={"name": "Shop", "scopeSet": "process only"} | wish)

    problem = assert_problem(answer, status, code)
    assert problem["param"] == param
    assert problem["fix"]
    assert client.get(KEYS).json()["page"]["total"] == 1


def test_a_key_hands_out_no_more_than_it_has(client: Client) -> None:
    maker = with_scopes(client, "keys:manage", "keys:read", "files:read")

    answer = maker.post(
        KEYS, json={"name": "X", "scopes": ["files:read", "jobs:read", "audit:read"]}
    )

    problem = assert_problem(answer, 403, "scope_missing")
    assert problem["allowed"] == {"scopes": ["audit:read", "jobs:read"]}
    assert answer.headers["x-accepted-scopes"] == "audit:read jobs:read"
    assert create(maker, scopes=["files:read"], scopeSet=None)["scopes"] == ["files:read"]


def test_a_key_gets_no_secret_of_a_key_that_may_more(client: Client, acme: Created) -> None:
    maker = with_scopes(client, "keys:manage")

    answer = maker.post(f"{KEYS}/{acme.key_id}/rotate", json={})

    assert_problem(answer, 403, "scope_missing")
    assert "secret" not in answer.json()
    assert client.get(WHOAMI).status_code == 200


def test_reading_and_managing_are_two_scopes(client: Client, acme: Created) -> None:
    reader, none = with_scopes(client, "keys:read"), with_scopes(client, "files:read")
    one = f"{KEYS}/{acme.key_id}"

    assert reader.get(KEYS).status_code == reader.get(one).status_code == 200
    for denied in (
        reader.post(KEYS, json={}),
        reader.send("PATCH", one, json={"name": "x"}),
        reader.post(f"{one}/rotate", json={}),
        reader.post(f"{one}/revoke", json={}),
        none.get(KEYS),
        none.get(one),
    ):
        assert_problem(denied, 403, "scope_missing")
    for missing in (client.without_key().get(KEYS), client.without_key().post(KEYS, json={})):
        assert_problem(missing, 401, "key_missing")


def test_keys_are_listed_newest_first_in_pages_without_secrets(client: Client) -> None:
    made = [create(client, name=f"Key {number}") for number in range(3)]

    first = client.get(f"{KEYS}?limit=2")
    rest = client.get(f"{KEYS}?limit=2&cursor={first.json()['page']['nextCursor']}").json()

    listed = [key["name"] for key in first.json()["data"] + rest["data"]]
    assert listed == ["Key 2", "Key 1", "Key 0", "First key"]
    assert rest["page"] == {"from": 3, "to": 4, "total": 4, "nextCursor": None}
    assert all(key.keys() == MEMBERS for key in first.json()["data"])
    assert not any(key["secret"] in first.text for key in made)
    assert_problem(client.get(f"{KEYS}?cursor=x"), 422, "invalid_parameter")


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "مفتاح المتجر", "👩‍👩‍👧 店", "a' OR '1'='1", "{mac} %s"]
)
def test_a_name_comes_back_as_it_was_given(client: Client, name: str) -> None:
    key_id = create(client, name=name)["keyId"]

    assert client.get(f"{KEYS}/{key_id}").json()["name"] == name


def test_a_key_is_renamed(client: Client, acme: Created) -> None:
    path = f"{KEYS}/{acme.key_id}"

    answer = client.send("PATCH", path, json={"name": "Main"})

    assert answer.status_code == 200
    assert int(answer.headers["x-log-position"]) == acme.head.position + 1
    assert answer.json()["name"] == client.get(path).json()["name"] == "Main"
    assert client.get(WHOAMI).json()["name"] == "Main"
    again = client.send("PATCH", path, json={"name": "Main"})
    assert again.status_code == 200
    assert "x-log-position" not in again.headers
    assert_problem(client.send("PATCH", path, json={}), 400, "missing_parameter")
    for fixed in ({"environment": "test"}, {"teamId": "team_1"}):
        answer = client.send("PATCH", path, json={"name": "x"} | fixed)
        assert_problem(answer, 422, "invalid_parameter")


def test_a_rotated_key_keeps_its_id_and_both_secrets_work(client: Client) -> None:
    key = create(client)
    path = f"{KEYS}/{key['keyId']}"

    answer = client.post(f"{path}/rotate", json={"graceSeconds": 3600})

    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told.keys() == MEMBERS | {"secret"}
    assert (told["keyId"], told["status"]) == (key["keyId"], "rotating")
    assert told["prefix"] != key["prefix"]
    for secret in (key["secret"], told["secret"]):
        assert client.with_key(secret).get(WHOAMI).json()["keyId"] == key["keyId"]
    listed = client.get(path).json()
    assert (listed["status"], listed["prefix"]) == ("rotating", told["prefix"])
    assert listed["formerSecretUntil"] == told["formerSecretUntil"]


def test_a_day_of_grace_is_the_default_and_none_ends_the_secret_at_once(client: Client) -> None:
    key = create(client)
    path = f"{KEYS}/{key['keyId']}/rotate"

    day = client.post(path)
    left = datetime.fromisoformat(day.json()["formerSecretUntil"]) - datetime.now(UTC)
    assert timedelta(hours=23) < left <= timedelta(hours=24)
    none = client.post(path, json={"graceSeconds": 0})

    assert none.json()["status"] == "active"
    for former in (key["secret"], day.json()["secret"]):
        assert_problem(client.with_key(former).get(WHOAMI), 401, "key_expired")
    assert client.with_key(none.json()["secret"]).get(WHOAMI).status_code == 200


@pytest.mark.parametrize("grace", [-1, 604_801, "1e9"])
def test_grace_has_a_range(client: Client, acme: Created, grace: object) -> None:
    answer = client.post(f"{KEYS}/{acme.key_id}/rotate", json={"graceSeconds": grace})

    problem = assert_problem(answer, 422, "graceSeconds_out_of_range")
    assert problem["allowed"] == {"min": 0, "max": 604_800}


def test_a_key_can_rotate_and_revoke_itself_and_is_refused_from_then_on(
    client: Client, acme: Created
) -> None:
    path = f"{KEYS}/{acme.key_id}"
    rotated = client.post(f"{path}/rotate", json={}).json()
    own = client.with_key(rotated["secret"])

    answer = own.post(f"{path}/revoke", json={"reason": "leaked <b>"})

    assert answer.status_code == 200
    assert answer.json()["status"] == "revoked"
    assert answer.json()["revokedReason"] == "leaked <b>"
    assert answer.json()["revokedAt"]
    for refused in (own.get(WHOAMI), client.get(WHOAMI)):
        assert_problem(refused, 401, "key_revoked")


def test_what_ended_stays_ended(client: Client) -> None:
    key = create(client)
    path = f"{KEYS}/{key['keyId']}"
    assert client.post(f"{path}/revoke").status_code == 200

    assert_problem(client.post(f"{path}/revoke", json={}), 409, "already_terminal")
    assert_problem(client.post(f"{path}/rotate", json={}), 409, "already_terminal")
    assert client.get(path).json()["status"] == "revoked"
    assert client.get(path).json()["revokedReason"] is None


def test_an_expired_key_is_refused_and_cannot_be_rotated(
    api: RunningApi, client: Client, acme: Created
) -> None:
    secret, key_id = asyncio.run(expired_key(api, acme))

    assert_problem(client.with_key(secret).get(WHOAMI), 401, "key_expired")
    assert client.get(f"{KEYS}/{key_id}").json()["status"] == "expired"
    assert_problem(client.post(f"{KEYS}/{key_id}/rotate"), 409, "already_terminal")


async def expired_key(api: RunningApi, acme: Created) -> tuple[str, KeyId]:
    """A key that ended an hour ago, by a clock that was a day behind when it was made."""
    yesterday = datetime.now(UTC) - timedelta(days=1)
    async with open_services(api.settings, render=False) as services:
        object.__setattr__(services.api_keys, "clock", lambda: yesterday)
        wanted = NewKey("Old", "live", EVERY_SCOPE, expires_at=yesterday + timedelta(hours=23))
        made = await services.api_keys.create(context(acme.org_id), wanted, granted=EVERY_SCOPE)
    return str(made.secret), made.key.key_id


@pytest.mark.parametrize(
    ("method", "action"), [("GET", ""), ("PATCH", ""), ("POST", "/rotate"), ("POST", "/revoke")]
)
def test_another_organizations_key_is_as_unknown_as_none(
    client: Client, globex: Created, method: str, action: str
) -> None:
    options = {"json": {"name": "x"}} if method == "PATCH" else {}

    answers = [
        client.send(method, f"{KEYS}/{key_id}{action}", **options)
        for key_id in (globex.key_id, KeyId.new(), "key_x", "out_1")
    ]

    bodies = set()
    for answer in answers:
        assert_problem(answer, 404, "not_found")
        bodies.add(answer.text.replace(answer.headers["x-request-id"], ""))
    assert len(bodies) == 1
    assert client.with_key(globex.secret).get(WHOAMI).status_code == 200


def test_a_repeat_makes_one_key_and_tells_no_secret(client: Client) -> None:
    ask = {"json": {"name": "Shop", "scopeSet": "read only"}, "headers": {"idempotency-key": "k1"}}

    first, again = client.post(KEYS, **ask), client.post(KEYS, **ask)

    assert first.status_code == again.status_code == 201
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    told = first.json()
    del told["secret"]
    assert again.json() == told | {"secretAlreadyShown": True}
    assert client.get(KEYS).json()["page"]["total"] == 2
    assert client.with_key(first.json()["secret"]).get(WHOAMI).status_code == 200


@pytest.mark.parametrize("action", ["rotate", "revoke"])
def test_a_repeated_change_changes_once(client: Client, action: str) -> None:
    path = f"{KEYS}/{create(client)['keyId']}"
    headers = {"idempotency-key": "once"}

    first, again = [client.post(f"{path}/{action}", headers=headers) for _ in range(2)]

    assert first.status_code == again.status_code == 200, again.text
    assert again.headers["x-log-position"] == first.headers["x-log-position"]
    assert "secret" not in again.json()
    assert client.get(path).json()["prefix"] == first.json()["prefix"]


def test_ten_rotations_at_once_leave_one_key_whose_newest_secret_works(client: Client) -> None:
    key = create(client)
    path = f"{KEYS}/{key['keyId']}"

    with ThreadPoolExecutor(10) as pool:
        ask = {"json": {"graceSeconds": 0}}
        answers = list(pool.map(lambda _: client.post(f"{path}/rotate", **ask), range(10)))

    rotated = [answer for answer in answers if answer.status_code == 200]
    assert rotated
    for other in set(answers) - set(rotated):
        assert_problem(other, 409, "version_conflict")
    rotated.sort(key=lambda answer: int(answer.headers["x-log-position"]))
    *former, newest = [answer.json() for answer in rotated]
    assert client.get(path).json()["prefix"] == newest["prefix"]
    assert client.with_key(newest["secret"]).get(WHOAMI).status_code == 200
    for one in (key, *former):
        assert_problem(client.with_key(one["secret"]).get(WHOAMI), 401, "key_expired")


def test_a_use_of_a_key_is_told_in_the_list(client: Client, acme: Created) -> None:
    key = create(client)
    client.with_key(key["secret"]).get(WHOAMI)

    told = client.get(f"{KEYS}/{key['keyId']}").json()

    assert told["lastUsedEndpoint"] == f"GET {WHOAMI}"
    assert told["lastUsedAddress"] in {"127.0.0.1", "::1"}
    assert told["lastUsedAt"] >= key["createdAt"]


def test_no_secret_is_in_the_database_in_an_answer_or_in_a_log(
    api: RunningApi, client: Client
) -> None:
    made = client.post(
        KEYS,
        json={"name": "Canary", "scopeSet": "read only"},
        headers={"idempotency-key": "canary"},
    ).json()
    rotated = client.post(f"{KEYS}/{made['keyId']}/rotate", headers={"idempotency-key": "canary"})
    last = client.get(f"{KEYS}/{made['keyId']}")
    api.log.wait_for(request_id=last.headers["x-request-id"])

    dump = asyncio.run(dumped(api.settings.database_url.replace("packshot_app", "postgres")))
    shown = dump + last.text + client.get("/api/v1/activity").text
    shown += b"".join(api.log.raw).decode()
    for secret in (made["secret"], rotated.json()["secret"]):
        assert secret[20:] not in shown
    assert made["keyId"] in shown


async def dumped(url: str) -> str:
    """Every row of every table, as the owner reads them."""
    owner = await asyncpg.connect(url)
    tables = await owner.fetch(
        "SELECT schemaname || '.' || tablename FROM pg_tables"
        " WHERE schemaname IN ('es', 'views', 'work')"
    )
    rows = [await owner.fetch(f"SELECT t::text FROM {table[0]} t") for table in tables]
    bodies = await owner.fetch("SELECT convert_from(body, 'UTF8') FROM work.idempotency")
    await owner.close()
    return "".join(row[0] or "" for table in [*rows, bodies] for row in table)


@pytest.fixture(scope="module")
def second_api(api: RunningApi) -> Iterator[RunningApi]:
    """Another process of the same installation."""
    with running_api(api.settings) as running:
        yield running


def test_a_key_revoked_in_one_process_is_refused_by_the_others_within_a_second(
    client: Client, second_api: RunningApi
) -> None:
    key = create(client)
    there = Client(second_api.base_url, client.session, key["secret"])
    assert there.get(WHOAMI).status_code == 200

    client.post(f"{KEYS}/{key['keyId']}/revoke")
    revoked_at = datetime.now(UTC)
    seen = 0
    while (answer := there.get(WHOAMI)).status_code == 200:
        sent_at = datetime.now(UTC) - answer.elapsed
        assert sent_at - revoked_at < timedelta(seconds=1)
        seen += 1

    assert_problem(answer, 401, "key_revoked")


def test_what_happened_to_keys_is_told_in_sentences(api: RunningApi, client: Client) -> None:
    key = create(client, name="<i>Shop</i>")
    path = f"{KEYS}/{key['keyId']}"
    client.send("PATCH", path, json={"name": "Shop"})
    client.post(f"{path}/rotate")
    last = client.post(f"{path}/revoke", json={"reason": "leaked"})

    with running_projector(api.settings):
        told = client.get(
            "/api/v1/activity", headers={"x-min-position": last.headers["x-log-position"]}
        ).json()["data"]

    assert [entry["sentence"] for entry in told[:4]] == [
        "The API key “Shop” was revoked.",
        "The API key “Shop” was given a new secret.",
        "The API key “<i>Shop</i>” was renamed “Shop”.",
        "The API key “<i>Shop</i>” was created.",
    ]
    assert [entry["type"] for entry in told[:2]] == ["key.revoked", "key.rotated"]
    assert told[0]["subject"] == {"type": "key", "id": key["keyId"]}
