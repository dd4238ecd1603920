"""Keys of requests: where they may stand, and what each wrong one is told."""

import asyncio
import hmac

import pytest

from api.client import Client, assert_problem
from api.server import RunningApi
from domain.api_key import ApiKey
from domain.ids import KeyId, OrgId
from domain.key_text import KeyText, checksum
from domain.scopes import Scope
from given import SECRETS, context
from packshot.commands.organizations import Created
from packshot.wiring import open_services

WHOAMI = "/api/v1/whoami"


def test_the_key_may_be_a_bearer(client: Client, acme: Created) -> None:
    for scheme in ("Bearer", "bearer"):
        answer = client.without_key().get(
            WHOAMI, headers={"authorization": f"{scheme} {acme.secret}"}
        )

        assert answer.json()["keyId"] == str(acme.key_id)


def test_the_same_key_in_both_headers_is_one_key(client: Client, acme: Created) -> None:
    answer = client.get(WHOAMI, headers={"authorization": f"Bearer {acme.secret}"})

    assert answer.status_code == 200


def test_two_different_keys_are_ambiguous(client: Client, globex: Created) -> None:
    answer = client.get(WHOAMI, headers={"authorization": f"Bearer {globex.secret}"})

    assert_problem(answer, 400, "ambiguous_credentials")


def test_a_request_without_a_key_is_told_how_to_send_one(client: Client) -> None:
    answer = client.without_key().get(WHOAMI)

    assert "x-api-key" in assert_problem(answer, 401, "key_missing")["fix"]
    assert answer.headers["www-authenticate"].startswith("Bearer ")


def test_cookies_are_not_looked_at(client: Client, acme: Created) -> None:
    answer = client.without_key().get(
        WHOAMI, headers={"cookie": f"x-api-key={acme.secret}; session={acme.secret}"}
    )

    assert_problem(answer, 401, "key_missing")


def test_every_key_with_one_character_changed_is_refused(client: Client, acme: Created) -> None:
    for place in range(11, len(acme.secret), 3):
        wrong = "0" if acme.secret[place] != "0" else "1"
        mistyped = acme.secret[:place] + wrong + acme.secret[place + 1 :]

        assert_problem(client.with_key(mistyped).get(WHOAMI), 401, "key_malformed")


@pytest.mark.parametrize(
    "text", ["x", "pshot_live_", "pshot_live_aaaaaaaa_bbb", "Bearer x", "ключ", "a" * 8000]
)
def test_what_is_no_key_is_malformed(client: Client, text: str) -> None:
    answer = client.with_key(text.encode().decode("latin-1")).get(WHOAMI)

    assert_problem(answer, 401, "key_malformed")


@pytest.mark.parametrize("value", ["Basic dXNlcjpwYXNz", "Bearer", "Bearer "])
def test_another_scheme_is_malformed(client: Client, value: str) -> None:
    answer = client.without_key().get(WHOAMI, headers={"authorization": value})

    assert_problem(answer, 401, "key_malformed")


def test_a_well_formed_key_of_nobody_is_unknown(client: Client) -> None:
    assert_problem(client.with_key(KeyText.make("live").text).get(WHOAMI), 401, "key_unknown")


def test_a_known_kid_with_another_secret_is_unknown(client: Client, acme: Created) -> None:
    client.get(WHOAMI)  # the right one is in the cache now
    body = acme.secret[:20] + "A" * 32

    assert_problem(client.with_key(body + checksum(body)).get(WHOAMI), 401, "key_unknown")


@pytest.mark.parametrize("name", ["apiKey", "api_key", "key", "x-api-key", "access_token", "q"])
def test_a_key_in_the_query_is_refused_even_when_it_is_right(
    client: Client, acme: Created, name: str
) -> None:
    answer = client.get(f"{WHOAMI}?{name}={acme.secret}")

    assert_problem(answer, 400, "key_in_query")
    assert acme.secret not in answer.text


def test_an_escaped_key_in_the_query_is_found(client: Client, acme: Created) -> None:
    escaped = "".join(f"%{ord(character):02x}" for character in acme.secret)

    assert_problem(client.without_key().get(f"{WHOAMI}?t={escaped}"), 400, "key_in_query")


def test_a_query_that_nobody_declared_is_an_unknown_field(client: Client) -> None:
    assert_problem(client.get(f"{WHOAMI}?verbose=1"), 422, "unknown_field")


def test_a_missing_scope_is_named(client: Client, api: RunningApi, acme: Created) -> None:
    reader = issue_key(api, acme.org_id, scopes=("files:read",))

    answer = client.with_key(reader).post("/api/v1/process", json={})

    problem = assert_problem(answer, 403, "scope_missing")
    assert problem["allowed"] == {"scopes": ["images:process"]}
    assert answer.headers["x-accepted-scopes"] == "images:process"
    assert client.with_key(reader).get(WHOAMI).json()["scopes"] == ["files:read"]


def test_no_key_stands_in_the_log(client: Client, api: RunningApi, acme: Created) -> None:
    client.get(f"{WHOAMI}?apiKey={acme.secret}")
    client.get(f"/{acme.secret}")
    last = client.get(WHOAMI, headers={"x-request-id": "looking-for-keys"})
    assert last.status_code == 200
    api.log.wait_for(client_ref="looking-for-keys")

    assert acme.secret[20:] not in b"".join(api.log.raw).decode()


def issue_key(api: RunningApi, org_id: OrgId, *, scopes: tuple[str, ...]) -> str:
    """A further key of an organization, with these scopes."""
    text = KeyText.make("live")
    key = ApiKey.issue(
        KeyId.new(),
        name="Reader",
        text=text,
        mac=hmac.digest(SECRETS.peppers[1], text.text.encode(), "sha256"),
        pepper_id=1,
        scopes=tuple(map(Scope, scopes)),
    )

    async def save() -> None:
        async with open_services(api.settings, render=False) as services:
            await services.store.save(context(org_id), key)

    asyncio.run(save())
    return text.text
