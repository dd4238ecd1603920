"""A key changed, confined to networks, limited by itself, or for tests only."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.client import Client, assert_problem
from api.server import RunningApi, running_api
from api.test_key_access import eventually, now_is, somebody
from domain.networks import read_network
from domain.roles import Role
from domain.scopes import EVERY_SCOPE
from packshot.commands.organizations import Created

KEYS = "/api/v1/keys"
WHOAMI = "/api/v1/whoami"


def create(client: Client, **wish: Any) -> dict[str, Any]:
    answer = client.post(KEYS, json={"name": "Shop", "scopeSet": "process only"} | wish)
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


def change(client: Client, key: dict[str, Any], **wish: Any) -> dict[str, Any]:
    answer = client.send("PATCH", f"{KEYS}/{key['keyId']}", json=wish)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def test_a_key_is_changed_in_everything_at_once_and_at_once(client: Client) -> None:
    key = create(client)
    own = client.with_key(key["secret"])
    assert own.get(WHOAMI).status_code == 200
    end = (datetime.now(UTC) + timedelta(days=3)).isoformat()

    told = change(
        client, key, name="New", scopes=["files:read"], expiresAt=end,
        allowedCidrs=["127.0.0.1", "::1/128", "127.0.0.1/32"],
        rateLimit={"limit": 7, "windowSeconds": 60},
    )  # fmt: skip

    assert (told["name"], told["scopes"], told["status"]) == ("New", ["files:read"], "expiring")
    assert told["allowedCidrs"] == ["127.0.0.1/32", "::1/128"]
    assert told["rateLimit"] == {"limit": 7, "windowSeconds": 60}
    assert told == client.get(f"{KEYS}/{key['keyId']}").json()
    answer = own.get(WHOAMI)
    assert answer.json()["scopes"] == ["files:read"]
    assert (answer.headers["x-ratelimit-limit"], answer.headers["x-ratelimit-remaining"]) == (
        "7", "6",
    )  # fmt: skip
    assert answer.headers["ratelimit-policy"].startswith('"key";q=7;w=60')
    again = client.send("PATCH", f"{KEYS}/{key['keyId']}", json={"name": "New", "expiresAt": end})
    assert "x-log-position" not in again.headers
    cleared = change(client, key, expiresAt=None, allowedCidrs=None, rateLimit=None)
    assert [cleared[name] for name in ("expiresAt", "allowedCidrs", "rateLimit")] == [
        None,
        [],
        None,
    ]


@pytest.mark.parametrize(
    ("wish", "status", "code", "param"),
    [
        ({}, 400, "missing_parameter", None),
        ({"scopes": []}, 422, "invalid_parameter", "scopes"),
        ({"scopes": ["*"]}, 422, "invalid_parameter", "scopes"),
        ({"scopes": ["files:read"], "scopeSet": "read only"}, 422, "invalid_parameter", "scopeSet"),
        ({"expiresAt": "2020-01-01T00:00:00Z"}, 422, "invalid_parameter", "expiresAt"),
        ({"allowedCidrs": "10.0.0.0/8"}, 422, "invalid_parameter", "allowedCidrs"),
        ({"allowedCidrs": ["10.0.0.1/8"]}, 422, "invalid_parameter", "allowedCidrs"),
        ({"allowedCidrs": ["nonsense"]}, 422, "invalid_parameter", "allowedCidrs"),
        ({"allowedCidrs": [7, None]}, 422, "invalid_parameter", "allowedCidrs"),
        ({"allowedCidrs": [f"10.0.0.{n}" for n in range(51)]}, 422, "invalid_parameter",
         "allowedCidrs"),
        ({"allowedCidrs": ["10.0.0.0/8"] * 10_000}, 413, "file_too_large", None),
        ({"rateLimit": 7}, 422, "invalid_parameter", "rateLimit"),
        ({"rateLimit": {"limit": 7}}, 400, "missing_parameter", "rateLimit.windowSeconds"),
        ({"rateLimit": {"windowSeconds": 7}}, 400, "missing_parameter", "rateLimit.limit"),
        ({"rateLimit": {"limit": 0, "windowSeconds": 7}}, 422, "rateLimit.limit_out_of_range",
         "rateLimit.limit"),
        ({"rateLimit": {"limit": -1, "windowSeconds": 7}}, 422, "rateLimit.limit_out_of_range",
         "rateLimit.limit"),
        ({"rateLimit": {"limit": 1e300, "windowSeconds": 7}}, 422, "rateLimit.limit_out_of_range",
         "rateLimit.limit"),
        ({"rateLimit": {"limit": 7, "windowSeconds": 86_401}}, 422,
         "rateLimit.windowSeconds_out_of_range", "rateLimit.windowSeconds"),
        ({"rateLimit": {"limit": 7, "windowSeconds": 1, "burst": 9}}, 422, "unknown_field",
         "rateLimit.burst"),
        ({"environment": "live"}, 422, "invalid_parameter", "environment"),
        ({"teamId": "team_1"}, 422, "invalid_parameter", "teamId"),
        *[
            ({field: "x", "name": "y"}, 422, "unknown_field", field)
            for field in ("orgId", "org_id", "role", "responsible", "responsibleId", "createdBy",
                          "status", "adoptable", "effectiveScopes", "keyId", "secret", "mac")
        ],
    ],
)  # fmt: skip
def test_a_wrong_change_is_refused_and_changes_nothing(
    client: Client, wish: dict[str, Any], status: int, code: str, param: str | None
) -> None:
    key = create(client)
    path = f"{KEYS}/{key['keyId']}"
    before = client.get(path).json()

    problem = assert_problem(client.send("PATCH", path, json=wish), status, code)

    assert problem.get("param") == param
    assert problem.get("fix") or status == 413
    assert client.get(path).json() == before


@pytest.mark.parametrize("network", ["0.0.0.0/0", "::/0"])
def test_a_network_of_everybody_is_allowed_and_warned_of(client: Client, network: str) -> None:
    (warning,) = create(client, allowedCidrs=[network])["warnings"]

    assert warning["code"] == "open_to_everybody"
    assert network in warning["detail"]
    assert create(client, allowedCidrs=["10.0.0.0/8"])["warnings"] == []


def test_no_change_hands_on_what_the_caller_or_who_answers_for_the_key_may_not_do(
    api: RunningApi, client: Client, acme: Created
) -> None:
    ada = somebody(api, acme, Role.ADMIN)
    few = client.with_key(
        create(client, scopeSet=None, scopes=["keys:manage", "files:read"])["secret"]
    )
    own = create(few, scopeSet=None, scopes=["files:read"])
    path = f"{KEYS}/{ada.key_id}"

    beyond_caller = few.send("PATCH", f"{KEYS}/{own['keyId']}", json={"scopes": ["audit:read"]})
    of_a_mightier = few.send("PATCH", path, json={"expiresAt": "never"})
    renamed = few.send("PATCH", path, json={"name": "Ada's own"})
    now_is(api, ada, Role.MEMBER)
    beyond_role = client.send("PATCH", path, json={"scopes": ["keys:manage", "files:read"]})
    within_role = client.send("PATCH", path, json={"scopes": ["keys:read", "files:read"]})

    for refused in (beyond_caller, of_a_mightier, beyond_role):
        assert_problem(refused, 403, "scope_missing")
    assert beyond_role.json()["allowed"] == {"scopes": ["keys:manage"]}
    assert renamed.status_code == within_role.status_code == 200


def test_a_key_that_ended_is_changed_in_its_name_only(client: Client) -> None:
    key = create(client)
    path = f"{KEYS}/{key['keyId']}"
    client.post(f"{path}/revoke")

    for wish in ({"scopes": ["files:read"]}, {"expiresAt": "never"}, {"allowedCidrs": ["::1"]},
                 {"name": "x", "rateLimit": {"limit": 1, "windowSeconds": 1}}):  # fmt: skip
        assert_problem(client.send("PATCH", path, json=wish), 409, "already_terminal")
    assert client.get(path).json()["name"] == "Shop"
    assert client.send("PATCH", path, json={"name": "Late"}).json()["name"] == "Late"


def test_a_key_works_from_its_networks_only(client: Client) -> None:
    key = create(client, allowedCidrs=["203.0.113.0/24"])
    elsewhere = client.with_key(key["secret"])

    for path in (WHOAMI, "/api/v1/nowhere", "/api/v1/members"):
        problem = assert_problem(elsewhere.get(path), 403, "ip_not_allowed")
    assert "127.0.0.1" in problem["detail"]
    assert client.get(f"{KEYS}/{key['keyId']}").json()["lastUsedAt"] is None
    assert_problem(elsewhere.with_key(key["secret"][:-1] + "!").get(WHOAMI), 401, "key_malformed")
    change(client, key, allowedCidrs=["203.0.113.0/24", "127.0.0.0/8"])
    assert elsewhere.get(WHOAMI).status_code == 200


def test_networks_are_checked_again_in_other_processes_within_a_second(
    client: Client, behind_proxy: RunningApi
) -> None:
    key = create(client)
    there = Client(behind_proxy.base_url, client.session, key["secret"])
    assert there.get(WHOAMI).status_code == 200

    change(client, key, allowedCidrs=["203.0.113.0/24"])

    eventually(there, 403, WHOAMI)


def test_behind_a_trusted_proxy_the_client_is_who_it_says(
    client: Client, behind_proxy: RunningApi
) -> None:
    key = create(client, allowedCidrs=["203.0.113.0/24"])
    there = Client(behind_proxy.base_url, client.session, key["secret"])
    ours = {"x-forwarded-for": "198.51.100.1, 203.0.113.9"}

    answer = there.get(WHOAMI, headers=ours)

    assert answer.status_code == 200, answer.text
    for spoofed in (
        {"x-forwarded-for": "203.0.113.9, 198.51.100.1"},
        {"forwarded": "for=203.0.113.9"},
        {"x-real-ip": "203.0.113.9"},
    ):
        assert_problem(there.get(WHOAMI, headers=spoofed), 403, "ip_not_allowed")
    assert_problem(client.with_key(key["secret"]).get(WHOAMI, headers=ours), 403, "ip_not_allowed")
    line = behind_proxy.log.wait_for(request_id=answer.headers["x-request-id"])
    assert line["address"] == "203.0.113.9"
    told = Client(behind_proxy.base_url, client.session, client.key).get(f"{KEYS}/{key['keyId']}")
    assert told.json()["lastUsedAddress"] == "203.0.113.9"


def test_addresses_behind_a_proxy_are_counted_apart(
    client: Client, behind_proxy: RunningApi
) -> None:
    nobody = Client(behind_proxy.base_url, client.session, None)
    asked = [
        nobody.get(WHOAMI, headers={"x-forwarded-for": address}).headers["x-ratelimit-remaining"]
        for address in ("198.51.100.1", "198.51.100.1", "198.51.100.2")
    ]

    assert asked == ["29", "28", "29"]


def test_a_keys_own_limit_counts_requests_whatever_they_cost(client: Client) -> None:
    key = create(client, rateLimit={"limit": 3, "windowSeconds": 3600})
    own = client.with_key(key["secret"])

    left = [own.get(WHOAMI).headers["x-ratelimit-remaining"] for _ in range(3)]
    refused = own.get(WHOAMI)

    assert left == ["2", "1", "0"]
    problem = assert_problem(refused, 429, "rate_limited")
    assert "The limit key (3 at once" in problem["detail"]
    assert 0 < int(refused.headers["retry-after"]) <= 1200
    assert client.get(WHOAMI).status_code == 200  # the organization's limit is another


def test_a_refused_request_of_a_key_costs_the_organization_nothing(client: Client) -> None:
    own = client.with_key(create(client, rateLimit={"limit": 1, "windowSeconds": 3600})["secret"])
    own.get(WHOAMI)
    before = int(client.get(WHOAMI).headers["x-ratelimit-remaining"])

    for _ in range(30):
        assert own.get(WHOAMI).status_code == 429

    assert int(client.get(WHOAMI).headers["x-ratelimit-remaining"]) >= before - 1


def test_a_key_for_tests_asks_sixty_times_and_changes_nothing_that_matters(
    client: Client, acme: Created
) -> None:
    key = create(client, scopeSet="everything", environment="test")
    own = client.with_key(key["secret"])
    first = own.get(WHOAMI)
    publish = {
        "outputId": "out_01kapq3x0tw5rz8v9m2c4d6e7f",
        "integrationId": "int_01kapq3x0tw5rz8v9m2c4d6e7f",
        "target": {"sku": "A"},
    }

    assert (first.headers["x-ratelimit-limit"], first.headers["x-ratelimit-remaining"]) == (
        "60", "59",
    )  # fmt: skip
    assert_problem(own.post("/api/v1/publishes", json=publish), 403, "test_key")
    assert_problem(own.post("/api/v1/publishes", json=publish | {"dryRun": True}), 404, "not_found")
    for verb in ("rollback", "retry"):
        path = f"/api/v1/publishes/pub_01kapq3x0tw5rz8v9m2c4d6e7f/{verb}"
        assert_problem(own.post(path), 403, "test_key")
    assert_problem(own.post("/api/v1/invites", json={"role": "member"}), 403, "test_key")
    live = f"{KEYS}/{acme.key_id}"
    for answer in (
        own.post(KEYS, json={"name": "x", "scopeSet": "read only"}),
        own.post(f"{live}/rotate"),
        own.send("PATCH", live, json={"name": "x"}),
        own.post(f"{live}/adopt"),
        own.post(f"{live}/revoke"),
    ):
        assert_problem(answer, 403, "test_key")
    assert client.get(WHOAMI).status_code == 200
    assert create(own, environment="test")["environment"] == "test"
    assert own.post(f"{KEYS}/{key['keyId']}/rotate").status_code == 200
    assert sorted(EVERY_SCOPE) == own.get(WHOAMI).json()["effectiveScopes"]
    assert own.post(f"{KEYS}/{key['keyId']}/revoke").status_code == 200


def test_a_key_for_tests_takes_no_shop_and_no_team_apart(client: Client) -> None:
    own = client.with_key(create(client, scopeSet="everything", environment="test")["secret"])
    team = client.post("/api/v1/teams", json={"name": "Shoes of the tests"}).json()["teamId"]
    shop_id = "int_01kapq3x0tw5rz8v9m2c4d6e7f"
    member = f"/api/v1/teams/{team}/members/usr_01kapq3x0tw5rz8v9m2c4d6e7f"

    for answer in (
        own.send("DELETE", f"/api/v1/integrations/{shop_id}"),
        own.post(
            f"/api/v1/integrations/{shop_id}/credentials",
            json={"secret": f"whsec_{'A' * 44}"},
        ),
        own.send("DELETE", f"/api/v1/teams/{team}"),
        own.send("PUT", member, json={}),
        own.send("DELETE", member),
    ):
        assert_problem(answer, 403, "test_key")
    assert client.get(f"/api/v1/teams/{team}").status_code == 200


@pytest.fixture(scope="module")
def behind_proxy(api: RunningApi) -> Iterator[RunningApi]:
    """Another process of the same installation, which trusts this machine as a proxy."""
    here = (read_network("127.0.0.1"), read_network("::1"))
    with running_api(replace(api.settings, trusted_proxies=here)) as running:
        yield running
