"""/api/v1/members and /api/v1/invites: names beside the log, links told once, no owner by a key."""

import asyncio
from typing import Any

import pytest

from api.client import Client, assert_problem
from api.projecting import running_projector
from api.server import RunningApi
from domain.ids import OrgId, UserId
from domain.recorded import Actor, Context
from domain.roles import SCOPES, Role
from domain.scopes import Scope
from packshot.commands.organizations import Created
from packshot.wiring import open_services

MEMBERS, INVITES = "/api/v1/members", "/api/v1/invites"


def join(api: RunningApi, org_id: OrgId, role: Role, *names: str) -> list[UserId]:
    """New people in the organization."""

    async def run() -> list[UserId]:
        context = Context(org_id, Actor("system", "test"), "test", correlation_id="test")
        joined = []
        async with open_services(api.settings, render=False) as services:
            for name in names:
                invited = await services.people.invite(context, role)
                email = f"{UserId.new()}@example.com"
                one = await services.people.join(
                    invited.secret, email=email, name=name, password="a long password"
                )
                joined.append(one.user_id)
        return joined

    return asyncio.run(run())


def invited(client: Client, role: str = "member", **options: Any) -> dict[str, Any]:
    answer = client.post(INVITES, json={"role": role}, **options)
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


def test_members_are_told_by_name_oldest_first(
    api: RunningApi, client: Client, acme: Created, globex: Created
) -> None:
    assert client.get(MEMBERS).json()["data"] == []
    ids = join(api, acme.org_id, Role.OWNER, "Ann", "<b>Bo</b>", "מרה")
    join(api, globex.org_id, Role.OWNER, "Somebody else")

    first = client.get(MEMBERS, params={"limit": "2"}).json()
    rest = client.get(MEMBERS, params={"cursor": first["page"]["nextCursor"]}).json()

    told = first["data"] + rest["data"]
    assert [member["userId"] for member in told] == [str(user_id) for user_id in ids]
    assert [member["name"] for member in told] == ["Ann", "<b>Bo</b>", "מרה"]
    assert {member["role"] for member in told} == {"owner"}
    assert told[0].keys() == {"userId", "name", "email", "role", "joinedAt"}
    assert rest["page"] == {"from": 3, "to": 3, "total": 3, "nextCursor": None}


def test_a_link_is_told_once_and_works(client: Client, acme: Created) -> None:
    told = invited(client, "viewer")

    assert told.keys() == {"inviteId", "role", "status", "expiresAt", "url"}
    path = told["url"][told["url"].index("/join/") :]
    assert "makes you its viewer" in client.without_key().get(path).text
    listed = client.get(INVITES).json()
    newest = listed["data"][0]
    assert told["url"].rpartition("/")[2] not in str(listed)
    assert (newest["inviteId"], newest["role"], newest["status"]) == (
        told["inviteId"], "viewer", "open",
    )  # fmt: skip
    assert newest["sentBy"] == {"type": "key", "id": str(acme.key_id), "name": None}
    assert listed["page"]["total"] == 2  # the founder's own link is open as well


def test_a_repeat_tells_the_invite_without_its_link(client: Client) -> None:
    key = {"idempotency-key": "one"}

    first, again = invited(client, headers=key), invited(client, headers=key)

    assert again.pop("secretAlreadyShown") is True
    assert first.pop("url")
    assert again == first


def test_invites_come_in_pages(client: Client) -> None:
    sent = [invited(client)["inviteId"] for _ in range(3)]

    first = client.get(INVITES, params={"limit": "2"}).json()
    rest = client.get(INVITES, params={"cursor": first["page"]["nextCursor"]}).json()

    told = [invite["inviteId"] for invite in first["data"] + rest["data"]]
    assert told[:3] == sent[::-1]
    assert len(told) == rest["page"]["total"] == 4


def test_a_key_makes_nobody_an_owner(client: Client) -> None:
    assert_problem(client.post(INVITES, json={"role": "owner"}), 403, "scope_missing")
    assert invited(client, "admin")["role"] == "admin"


def test_a_key_invites_nobody_who_may_do_more_than_it(client: Client) -> None:
    def holding(*scopes: str) -> Client:
        body = {"name": "M", "scopes": ["members:manage", *scopes]}
        return client.with_key(client.post("/api/v1/keys", json=body).json()["secret"])

    narrow, viewing = holding(), holding(*map(str, SCOPES[Role.VIEWER]))

    for role in ("admin", "member", "viewer"):
        answer = narrow.post(INVITES, json={"role": role})
        assert_problem(answer, 403, "scope_missing")
        lacking = SCOPES[Role(role)] - {Scope.MEMBERS_MANAGE}
        assert answer.headers["x-accepted-scopes"].split() == sorted(map(str, lacking))
    assert_problem(viewing.post(INVITES, json={"role": "member"}), 403, "scope_missing")
    assert invited(viewing, "viewer")["role"] == "viewer"
    assert client.get(INVITES).json()["page"]["total"] == 2  # the founder's own, and the viewer's


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "missing_parameter"),
        ({"role": "king"}, 422, "invalid_parameter"),
        ({"role": 1}, 422, "invalid_parameter"),
        ({"role": "member", "email": "a@example.com"}, 422, "unknown_field"),
    ],
)
def test_a_wrong_wish_is_refused(
    client: Client, body: dict[str, Any], status: int, code: str
) -> None:
    assert_problem(client.post(INVITES, json=body), status, code)


@pytest.mark.parametrize("path", [MEMBERS, INVITES])
def test_a_cursor_of_another_list_is_refused(client: Client, path: str) -> None:
    answer = client.get(path, params={"cursor": "WyJqb2JfeCIsMjBd"})

    assert_problem(answer, 422, "invalid_parameter")


def test_scopes_are_asked(client: Client) -> None:
    made = client.post("/api/v1/keys", json={"name": "R", "scopes": ["members:read"]}).json()
    reader = client.with_key(made["secret"])
    made = client.post("/api/v1/keys", json={"name": "J", "scopes": ["jobs:read"]}).json()
    other = client.with_key(made["secret"])

    assert reader.get(MEMBERS).status_code == reader.get(INVITES).status_code == 200
    assert_problem(reader.post(INVITES, json={"role": "viewer"}), 403, "scope_missing")
    for path in (MEMBERS, INVITES):
        assert_problem(other.get(path), 403, "scope_missing")
        assert_problem(client.without_key().get(path), 401, "key_missing")


def test_the_feed_tells_of_people_by_their_names(
    api: RunningApi, client: Client, acme: Created
) -> None:
    ann, bo = join(api, acme.org_id, Role.OWNER, "Ann {0}", "Bo")

    async def demote() -> int:
        context = Context(acme.org_id, Actor("user", str(ann)), "test", correlation_id="test")
        async with open_services(api.settings, render=False) as services:
            await services.members.change_role(context, bo, Role.VIEWER)
            head = await services.members.remove(context, bo)
        return head.position

    position = asyncio.run(demote())
    with running_projector(api.settings):
        headers = {"x-min-position": str(position)}
        feed = client.get("/api/v1/activity", headers=headers).json()["data"]

    assert [(entry["actor"]["name"], entry["sentence"]) for entry in feed[:4]] == [
        ("Ann {0}", "Bo belongs to the organization no more."),
        ("Ann {0}", "The role of Bo was changed to viewer."),
        ("Bo", "Bo joined as owner."),
        ("Bo", "An invitation was accepted."),
    ]
    assert ("Ann {0}", "Ann {0} joined as owner.") in [
        (entry["actor"]["name"], entry["sentence"]) for entry in feed
    ]


def test_a_member_is_found_changed_and_removed(
    api: RunningApi, client: Client, acme: Created
) -> None:
    join(api, acme.org_id, Role.OWNER, "Owner")
    (ann,) = join(api, acme.org_id, Role.MEMBER, "Ann")
    path = f"{MEMBERS}/{ann}"
    told = client.get(path).json()
    assert (told["name"], told["role"]) == ("Ann", "member")

    changed = client.send("PATCH", path, json={"role": "viewer"})
    again = client.send("PATCH", path, json={"role": "viewer"})

    assert changed.json() == again.json() == client.get(path).json() == told | {"role": "viewer"}
    assert ("x-log-head" in changed.headers, "x-log-head" in again.headers) == (True, False)
    removed = client.send("DELETE", path)
    assert (removed.status_code, removed.json()) == (200, {"userId": str(ann), "removed": True})
    for method in ("GET", "DELETE"):
        assert_problem(client.send(method, path), 404, "not_found")


def test_a_key_decides_about_no_owner_and_lifts_nobody_above_itself(
    api: RunningApi, client: Client, acme: Created
) -> None:
    (owner,) = join(api, acme.org_id, Role.OWNER, "Owner")
    (ann,) = join(api, acme.org_id, Role.VIEWER, "Ann")
    body = {"name": "M", "scopes": ["members:manage", *map(str, SCOPES[Role.VIEWER])]}
    narrow = client.with_key(client.post("/api/v1/keys", json=body).json()["secret"])

    for answer in (
        client.send("PATCH", f"{MEMBERS}/{owner}", json={"role": "member"}),
        client.send("DELETE", f"{MEMBERS}/{owner}"),
        client.send("PATCH", f"{MEMBERS}/{ann}", json={"role": "owner"}),
        narrow.send("PATCH", f"{MEMBERS}/{ann}", json={"role": "member"}),
    ):
        assert_problem(answer, 403, "scope_missing")
    lifted = client.send("PATCH", f"{MEMBERS}/{ann}", json={"role": "admin"})
    lowered = narrow.send("PATCH", f"{MEMBERS}/{ann}", json={"role": "viewer"})
    assert (lifted.status_code, lowered.status_code) == (200, 200)
    assert_problem(client.send("PATCH", f"{MEMBERS}/{ann}", json={}), 400, "missing_parameter")


def test_members_are_found_by_a_part_of_their_name(
    api: RunningApi, client: Client, acme: Created
) -> None:
    ids = join(api, acme.org_id, Role.MEMBER, "Ann Oduya", "Bo", "Mara Oduya")

    first = client.get(MEMBERS, params={"q": "oduya", "limit": "1"}).json()
    rest = client.get(MEMBERS, params={"q": "oduya", "cursor": first["page"]["nextCursor"]}).json()

    assert [one["userId"] for one in first["data"] + rest["data"]] == [str(ids[0]), str(ids[2])]
    assert rest["page"] == {"from": 2, "to": 2, "total": 2, "nextCursor": None}


def test_an_invite_is_withdrawn_with_its_link(client: Client) -> None:
    told = invited(client, "viewer")
    path = told["url"][told["url"].index("/join/") :]

    withdrawn = client.send("DELETE", f"{INVITES}/{told['inviteId']}")

    assert (withdrawn.status_code, withdrawn.json()["status"]) == (200, "withdrawn")
    assert client.without_key().get(path).status_code == 404
    again = client.send("DELETE", f"{INVITES}/{told['inviteId']}")
    assert_problem(again, 409, "already_terminal")
