"""A key may do no more than who answers for it: today's role, and the organization's say."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import uuid4

import pytest

from api.client import Client, assert_problem
from api.server import RunningApi, running_api
from domain.ids import KeyId, OrgId, UserId
from domain.recorded import Actor, Context
from domain.roles import SCOPES, Role
from domain.scopes import EVERY_SCOPE, Scope
from packshot.commands.api_keys import NewKey
from packshot.commands.organizations import Created
from packshot.wiring import Services, open_services

KEYS = "/api/v1/keys"
WHOAMI = "/api/v1/whoami"
PASSWORD = "correct horse battery staple"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Somebody:
    """A member of an organization, and a key that they made."""

    org_id: OrgId
    user_id: UserId
    key_id: KeyId
    secret: str


def with_services(api: RunningApi, work: Callable[[Services], Coroutine[Any, Any, T]]) -> T:
    async def run() -> T:
        async with open_services(api.settings, render=False) as services:
            return await work(services)

    return asyncio.run(run())


def somebody(
    api: RunningApi, org: Created, role: Role, *, scopes: tuple[Scope, ...] = EVERY_SCOPE
) -> Somebody:
    """A new member with a key of these scopes, as far as their role allows."""

    async def run(services: Services) -> Somebody:
        invited = await services.people.invite(of_the_system(org.org_id), role)
        joined = await services.people.join(
            invited.secret, email=f"{uuid4().hex}@example.com", name="Ada", password=PASSWORD
        )
        context = Context(org.org_id, Actor("user", str(joined.user_id)), "t", correlation_id="t")
        allowed = tuple(scope for scope in scopes if scope in SCOPES[role])
        made = await services.api_keys.create(
            context, NewKey("Ada's", "live", allowed, None), granted=SCOPES[role]
        )
        return Somebody(org.org_id, joined.user_id, made.key.key_id, str(made.secret))

    return with_services(api, run)


def of_the_system(org_id: OrgId) -> Context:
    return Context(org_id, Actor("system", "test"), "test", correlation_id="test")


def now_is(api: RunningApi, person: Somebody, role: Role | None) -> None:
    """Give the member another role, or end their membership, in another process."""

    async def run(services: Services) -> None:
        context = of_the_system(person.org_id)
        if role is None:
            await services.members.remove(context, person.user_id)
        else:
            await services.members.change_role(context, person.user_id, role)

    with_services(api, run)


def eventually(client: Client, expected: int, path: str = KEYS) -> None:
    """Ask until the status is another one; each answer sent a second after the change is wrong."""
    begun = datetime.now(UTC)
    while (answer := client.get(path)).status_code != expected:
        sent_at = datetime.now(UTC) - answer.elapsed
        assert sent_at - begun < timedelta(seconds=1), answer.text


def test_a_key_tells_who_answers_for_it(api: RunningApi, client: Client, acme: Created) -> None:
    ada = somebody(api, acme, Role.ADMIN)

    told = client.get(f"{KEYS}/{ada.key_id}").json()
    who = client.with_key(ada.secret).get(WHOAMI).json()
    own = client.get(f"{KEYS}/{acme.key_id}").json()

    assert told["responsible"] == {
        "type": "user", "id": str(ada.user_id), "name": "Ada", "role": "admin",
    }  # fmt: skip
    assert told["createdBy"]["name"] == "Ada"
    assert who["responsible"] == {"type": "user", "id": str(ada.user_id), "role": "admin"}
    assert told["effectiveScopes"] == who["effectiveScopes"] == sorted(EVERY_SCOPE)
    assert (told["adoptable"], told["teamId"], who["teamId"]) == (False, None, None)
    assert (own["responsible"], own["adoptable"]) == (None, False)


def test_a_changed_role_reaches_every_process_within_a_second(
    api: RunningApi, client: Client, acme: Created, second_api: RunningApi
) -> None:
    ada = somebody(api, acme, Role.ADMIN)
    here = client.with_key(ada.secret)
    there = Client(second_api.base_url, client.session, ada.secret)
    assert here.get(KEYS).status_code == there.get(KEYS).status_code == 200

    now_is(api, ada, Role.VIEWER)

    for asked in (here, there):
        eventually(asked, 403)
        problem = assert_problem(asked.get(KEYS), 403, "scope_missing")
        assert "is viewer here today" in problem["detail"]
        assert asked.get("/api/v1/members").status_code == 200
    now_is(api, ada, Role.ADMIN)
    for asked in (here, there):
        eventually(asked, 200)


def test_a_refusal_tells_whether_the_key_or_the_role_is_in_the_way(
    api: RunningApi, client: Client, acme: Created
) -> None:
    few = somebody(api, acme, Role.ADMIN, scopes=(Scope.FILES_READ, Scope.KEYS_READ))
    held_by_nobody = client.with_key(few.secret)

    lacking = assert_problem(held_by_nobody.get("/api/v1/members"), 403, "scope_missing")
    now_is(api, few, Role.VIEWER)
    eventually(held_by_nobody, 403)
    not_allowed = assert_problem(held_by_nobody.get(KEYS), 403, "scope_missing")

    assert "does not hold the scope members:read" in lacking["detail"]
    assert "holds the scope keys:read, but" in not_allowed["detail"]
    for problem in (lacking, not_allowed):
        assert problem["allowed"]["scopes"][0] in problem["fix"]
    who = held_by_nobody.get(WHOAMI).json()
    assert (who["scopes"], who["effectiveScopes"]) == (["files:read", "keys:read"], ["files:read"])


def test_the_key_of_somebody_who_left_may_do_what_a_member_may_until_it_is_adopted(
    api: RunningApi, client: Client, acme: Created
) -> None:
    ada, admin = somebody(api, acme, Role.ADMIN), somebody(api, acme, Role.ADMIN)
    left, adopter = client.with_key(ada.secret), client.with_key(admin.secret)
    path = f"{KEYS}/{ada.key_id}"

    now_is(api, ada, None)

    told = client.get(path).json()
    assert (told["adoptable"], told["responsible"]["role"]) == (True, None)
    assert told["responsible"]["name"] == "Ada"
    assert told["effectiveScopes"] == sorted(SCOPES[Role.MEMBER])
    denied = left.post(KEYS, json={"name": "More", "scopeSet": "read only"})
    problem = assert_problem(denied, 403, "scope_missing")
    assert "has left the organization" in problem["detail"]
    assert left.get(KEYS).status_code == 200

    adopted = adopter.post(f"{path}/adopt")

    assert adopted.status_code == 200, adopted.text
    assert adopted.headers["x-log-position"]
    assert adopted.json()["responsible"] == {
        "type": "user", "id": str(admin.user_id), "name": "Ada", "role": "admin",
    }  # fmt: skip
    assert adopted.json() == client.get(path).json()
    assert adopted.json()["adoptable"] is False
    assert adopted.json()["effectiveScopes"] == sorted(EVERY_SCOPE)
    made = left.post(KEYS, json={"name": "More", "scopeSet": "read only"})
    assert made.status_code == 201
    assert made.json()["responsible"]["id"] == str(admin.user_id)


def test_a_key_made_by_a_key_is_answered_for_by_the_same_person(
    api: RunningApi, client: Client, acme: Created
) -> None:
    ada = somebody(api, acme, Role.ADMIN)
    made = client.with_key(ada.secret).post(KEYS, json={"name": "2", "scopeSet": "everything"})
    second = client.with_key(made.json()["secret"])
    third = second.post(KEYS, json={"name": "3", "scopeSet": "everything"}).json()

    assert third["responsible"]["id"] == str(ada.user_id)
    now_is(api, ada, Role.MEMBER)
    denied = client.with_key(third["secret"]).post(
        KEYS, json={"name": "4", "scopeSet": "read only"}
    )
    assert_problem(denied, 403, "scope_missing")


def test_a_demoted_admins_key_makes_no_key_with_what_the_role_lost(
    api: RunningApi, client: Client, acme: Created
) -> None:
    """Scopes are handed on as far as they may be used, not as far as they are held."""
    ada = somebody(api, acme, Role.ADMIN)
    now_is(api, ada, Role.VIEWER)
    asked = client.with_key(ada.secret)

    answer = asked.post(KEYS, json={"name": "x", "scopes": ["files:read"]})

    assert_problem(answer, 403, "scope_missing")
    assert client.get(KEYS).json()["page"]["total"] == 2


def test_only_an_owner_or_admin_adopts_and_only_what_nobody_answers_for(
    api: RunningApi, client: Client, acme: Created
) -> None:
    ada, admin = somebody(api, acme, Role.ADMIN), somebody(api, acme, Role.ADMIN)
    member = somebody(api, acme, Role.MEMBER)
    path = f"{KEYS}/{ada.key_id}/adopt"
    asked = client.with_key(admin.secret)

    assert_problem(asked.post(path), 409, "not_adoptable")
    assert_problem(asked.post(f"{KEYS}/{acme.key_id}/adopt"), 409, "not_adoptable")
    now_is(api, ada, None)
    assert_problem(client.with_key(member.secret).post(path), 403, "scope_missing")
    assert_problem(client.post(path), 400, "missing_parameter")
    for wrong, status, code in (
        (member.user_id, 403, "scope_missing"),
        (ada.user_id, 403, "scope_missing"),
        (UserId.new(), 403, "scope_missing"),
        ("usr_1", 422, "invalid_parameter"),
        (7, 422, "invalid_parameter"),
    ):
        body = {"userId": wrong if isinstance(wrong, int) else str(wrong)}
        assert_problem(client.post(path, json=body), status, code)
    other = asked.post(path, json={"userId": str(member.user_id)})
    assert_problem(other, 422, "invalid_parameter")
    assert_problem(asked.post(path, json={"role": "owner"}), 422, "unknown_field")
    assert client.get(f"{KEYS}/{ada.key_id}").json()["adoptable"] is True

    named = client.post(path, json={"userId": str(admin.user_id)})

    assert named.json()["responsible"]["id"] == str(admin.user_id)
    assert_problem(client.post(path, json={"userId": str(admin.user_id)}), 409, "not_adoptable")


def test_a_key_that_may_less_adopts_none_that_may_more(
    api: RunningApi, client: Client, acme: Created
) -> None:
    ada = somebody(api, acme, Role.ADMIN)
    few = somebody(api, acme, Role.ADMIN, scopes=(Scope.KEYS_MANAGE,))
    now_is(api, ada, None)

    answer = client.with_key(few.secret).post(f"{KEYS}/{ada.key_id}/adopt")

    assert_problem(answer, 403, "scope_missing")


def test_of_ten_adoptions_at_once_one_holds(api: RunningApi, client: Client, acme: Created) -> None:
    ada = somebody(api, acme, Role.ADMIN)
    admins = [somebody(api, acme, Role.ADMIN) for _ in range(2)]
    now_is(api, ada, None)
    path = f"{KEYS}/{ada.key_id}"

    with ThreadPoolExecutor(10) as pool:
        keys = [client.with_key(admin.secret) for admin in admins] * 5
        answers = list(pool.map(lambda key: key.post(f"{path}/adopt"), keys))

    (adopted,) = [answer for answer in answers if answer.status_code == 200]
    for other in set(answers) - {adopted}:
        assert_problem(other, 409, "not_adoptable")
    assert client.get(path).json()["responsible"] == adopted.json()["responsible"]


def test_a_key_that_ended_is_not_adopted(api: RunningApi, client: Client, acme: Created) -> None:
    ada, admin = somebody(api, acme, Role.ADMIN), somebody(api, acme, Role.ADMIN)
    now_is(api, ada, None)
    client.post(f"{KEYS}/{ada.key_id}/revoke")

    answer = client.with_key(admin.secret).post(f"{KEYS}/{ada.key_id}/adopt")

    assert_problem(answer, 409, "already_terminal")


def test_another_organizations_key_is_adopted_by_nobody(
    api: RunningApi, client: Client, acme: Created, globex: Created
) -> None:
    ada, admin = somebody(api, globex, Role.ADMIN), somebody(api, acme, Role.ADMIN)
    now_is(api, ada, None)
    asked = client.with_key(admin.secret)

    bodies = set()
    for key_id in (ada.key_id, KeyId.new(), "key_x"):
        answer = asked.post(f"{KEYS}/{key_id}/adopt")
        assert_problem(answer, 404, "not_found")
        bodies.add(answer.text.replace(answer.headers["x-request-id"], ""))
    assert len(bodies) == 1


@pytest.fixture(scope="module")
def second_api(api: RunningApi) -> Iterator[RunningApi]:
    """Another process of the same installation."""
    with running_api(api.settings) as running:
        yield running
