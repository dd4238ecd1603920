"""GET /api/v1/org/webhook-secret and its rotation: shown to those who may manage webhooks."""

import base64
from datetime import datetime, timedelta

from api.client import Client, assert_problem
from api.server import RunningApi
from api.test_credentials import issue_key
from packshot.commands.organizations import Created

PATH = "/api/v1/org/webhook-secret"


def test_an_organization_has_a_secret_without_asking_for_one(client: Client) -> None:
    answer = client.get(PATH)

    assert answer.status_code == 200
    told = answer.json()
    assert told["secret"].startswith("whsec_")
    assert len(base64.b64decode(told["secret"].removeprefix("whsec_"))) == 32
    assert (told["version"], told["createdAt"], told["previousValidUntil"]) == (1, None, None)
    assert client.get(PATH).json() == told


def test_a_rotation_answers_the_new_secret_and_until_when_the_old_one_holds(
    client: Client, acme: Created
) -> None:
    before = client.get(PATH).json()["secret"]

    answer = client.post(PATH + "/rotate")

    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["secret"] != before
    assert told["version"] == 2
    since, until = (
        datetime.fromisoformat(told[name]) for name in ("createdAt", "previousValidUntil")
    )
    assert until - since == timedelta(hours=24)
    assert int(answer.headers["x-log-position"]) == acme.head.position + 1
    assert client.get(PATH).json() == told


def test_each_rotation_is_another_secret(client: Client) -> None:
    secrets = [client.post(PATH + "/rotate").json()["secret"] for _ in range(3)]

    assert len(set(secrets)) == 3
    assert client.get(PATH).json()["version"] == 4


def test_another_organization_has_its_own_secret(client: Client, globex: Created) -> None:
    client.post(PATH + "/rotate")

    theirs = client.with_key(globex.secret).get(PATH).json()

    assert theirs["version"] == 1
    assert theirs["secret"] != client.get(PATH).json()["secret"]


def test_a_repeat_rotates_once_and_tells_no_secret(client: Client) -> None:
    key = {"idempotency-key": "rotate-1"}

    first = client.post(PATH + "/rotate", headers=key)
    again = client.post(PATH + "/rotate", headers=key)

    assert again.headers["idempotency-replayed"] == "true"
    assert again.json()["secretAlreadyShown"] is True
    assert "secret" not in again.json()
    assert again.json()["version"] == first.json()["version"] == 2
    assert client.get(PATH).json()["secret"] == first.json()["secret"]


def test_no_line_of_the_log_holds_the_secret(api: RunningApi, client: Client) -> None:
    answer = client.post(PATH + "/rotate")
    api.log.wait_for(request_id=answer.headers["x-request-id"])

    assert answer.json()["secret"].encode() not in b"".join(api.log.raw)


def test_a_key_is_needed(client: Client) -> None:
    assert_problem(client.without_key().get(PATH), 401, "key_missing")
    assert_problem(client.without_key().post(PATH + "/rotate"), 401, "key_missing")


def test_a_key_that_may_not_manage_webhooks_is_told_nothing(
    client: Client, api: RunningApi, acme: Created
) -> None:
    reader = client.with_key(issue_key(api, acme.org_id, scopes=("webhooks:read",)))

    for answer in (reader.get(PATH), reader.post(PATH + "/rotate")):
        problem = assert_problem(answer, 403, "scope_missing")
        assert problem["allowed"] == {"scopes": ["webhooks:manage"]}
        assert "whsec_" not in answer.text


def test_fields_are_refused(client: Client) -> None:
    answer = client.post(PATH + "/rotate", json={"version": 9})

    assert_problem(answer, 422, "unknown_field")
    assert client.get(PATH).json()["version"] == 1
