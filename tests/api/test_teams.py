"""/api/v1/teams: created, named, filled and deleted; a foreign one is as if it were not there."""

import asyncio
from typing import Any

import pytest

from api.client import Client, assert_problem
from api.server import RunningApi
from api.test_members import join
from domain.ids import UserId
from domain.roles import Role
from packshot.commands.organizations import Created
from packshot.store.pool import open_pools

TEAMS = "/api/v1/teams"


def made(client: Client, name: str = "Shoes", **options: Any) -> dict[str, Any]:
    answer = client.post(TEAMS, json={"name": name}, **options)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"{TEAMS}/{answer.json()['teamId']}"
    assert "x-log-head" in answer.headers
    told: dict[str, Any] = answer.json()
    return told


def holding(client: Client, *scopes: str) -> Client:
    body = {"name": "Narrow", "scopes": list(scopes)}
    return client.with_key(client.post("/api/v1/keys", json=body).json()["secret"])


def test_a_team_is_created_renamed_and_deleted(client: Client) -> None:
    told = made(client, " 靴 <b>Shoes</b> ")
    path = f"{TEAMS}/{told['teamId']}"
    assert told.keys() == {"teamId", "name", "members", "createdAt"}
    assert (told["name"], told["members"]) == ("靴 <b>Shoes</b>", 0)
    assert client.get(path).json() == told
    assert client.get(TEAMS).json()["data"] == [told]

    renamed = client.send("PATCH", path, json={"name": "Boots"})
    assert (renamed.status_code, renamed.json()) == (200, told | {"name": "Boots"})

    deleted = client.send("DELETE", path)
    assert (deleted.status_code, deleted.json()) == (
        200, {"teamId": told["teamId"], "deleted": True},
    )  # fmt: skip
    assert_problem(client.get(path), 404, "not_found")
    assert_problem(client.send("DELETE", path), 404, "not_found")
    assert client.get(TEAMS).json()["page"]["total"] == 0


def test_members_are_put_and_taken_out(api: RunningApi, client: Client, acme: Created) -> None:
    ann, bo = join(api, acme.org_id, Role.MEMBER, "Ann", "<i>Bo</i>")
    path = f"{TEAMS}/{made(client)['teamId']}/members"

    for user_id, body in ((ann, {"role": "lead"}), (bo, {})):
        answer = client.send("PUT", f"{path}/{user_id}", json=body)
        assert answer.status_code == 200, answer.text
    again = client.send("PUT", f"{path}/{ann}", json={"role": "lead"})
    assert "x-log-head" not in again.headers
    first = client.get(path, params={"limit": "1"}).json()
    rest = client.get(path, params={"cursor": first["page"]["nextCursor"]}).json()

    told = first["data"] + rest["data"]
    assert [(one["userId"], one["name"], one["role"]) for one in told] == [
        (str(ann), "Ann", "lead"), (str(bo), "<i>Bo</i>", "member"),
    ]  # fmt: skip
    assert told[0] == again.json()
    assert rest["page"] == {"from": 2, "to": 2, "total": 2, "nextCursor": None}

    assert client.send("DELETE", f"{path}/{ann}").json()["removed"] is True
    assert_problem(client.send("DELETE", f"{path}/{ann}"), 404, "not_found")
    assert client.get(path).json()["page"]["total"] == 1


def test_a_repeat_makes_no_second_team(client: Client) -> None:
    key = {"idempotency-key": "one"}

    assert made(client, headers=key) == made(client, headers=key)
    assert client.get(TEAMS).json()["page"]["total"] == 1
    assert_problem(client.post(TEAMS, json={"name": "shoes"}), 409, "name_taken")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "missing_parameter"),
        ({"name": " "}, 400, "missing_parameter"),
        ({"name": "a" * 101}, 422, "invalid_parameter"),
        ({"name": "two\nlines"}, 422, "invalid_parameter"),
        ({"name": 7}, 422, "invalid_parameter"),
        ({"name": "Shoes", "orgId": "org_x"}, 422, "unknown_field"),
    ],
)
def test_a_wrong_team_is_refused(
    client: Client, body: dict[str, Any], status: int, code: str
) -> None:
    assert_problem(client.post(TEAMS, json=body), status, code)
    assert client.get(TEAMS).json()["page"]["total"] == 0


def test_scopes_are_asked(client: Client) -> None:
    path = f"{TEAMS}/{made(client)['teamId']}"
    reader = holding(client, "members:read")

    assert reader.get(path).status_code == 200
    assert_problem(reader.post(TEAMS, json={"name": "Hats"}), 403, "scope_missing")
    assert_problem(reader.send("DELETE", path), 403, "scope_missing")
    assert_problem(holding(client, "teams:manage").get(path), 403, "scope_missing")


def test_a_foreign_person_is_as_little_put_into_a_team_as_one_who_is_not_there(
    api: RunningApi, client: Client, globex: Created
) -> None:
    (stranger,) = join(api, globex.org_id, Role.MEMBER, "Stranger")
    path = f"{TEAMS}/{made(client)['teamId']}/members"

    ends = [client.send("PUT", f"{path}/{one}", json={}) for one in (stranger, UserId.new(), "x")]

    told = [end.content.replace(end.headers["x-request-id"].encode(), b"") for end in ends]
    assert [end.status_code for end in ends] == [404, 404, 404]
    assert told[0] == told[1] == told[2]


def test_ten_thousand_members_come_in_pages(api: RunningApi, client: Client, acme: Created) -> None:
    async def fill() -> None:
        writer = api.settings.writer_database_url
        async with open_pools(api.settings.database_url, writer) as pools, pools.writing() as one:
            await one.execute(
                """
                INSERT INTO views.membership (tenant_id, membership_id, user_id, role, is_ended,
                                              began_at, version)
                SELECT $1, gen_random_uuid(), gen_random_uuid(), 'member', false, now(), 1
                FROM generate_series(1, 10000)
                """,
                acme.org_id.uuid,
            )

    asyncio.run(fill())

    seen: list[str] = []
    cursor = ""
    for _ in range(3):
        told = client.get("/api/v1/members", params={"limit": "200", "cursor": cursor}).json()
        seen += [one["userId"] for one in told["data"]]
        cursor = told["page"]["nextCursor"]
    assert told["page"]["total"] == 10_000
    assert len(set(seen)) == len(seen) == 600
