"""Organizations are suspended, limited, closed and opened again, for everybody and at once."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.errors import Conflict, Forbidden, NotFound
from domain.ids import OrgId, UserId
from domain.org_limits import OrgLimits
from domain.organization import CLOSING_GRACE, Organization
from domain.recorded import Actor, Context
from domain.roles import Role
from domain.user import INSTALLATION
from given import SECRETS, context, organizations_of, requested_job
from packshot.commands.members import Members
from packshot.commands.organizations import Created, Organizations
from packshot.commands.sessions import Sessions
from packshot.commands.supervision import Supervision
from packshot.store.events import EventStore
from packshot.store.jobrelay import next_in_turn
from packshot.store.keycache import KeyCache
from packshot.store.pool import Pools

OPERATOR = Actor("operator", str(UserId.new()))
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


class House:
    """An organization with an owner, a key, and whoever runs the installation."""

    def __init__(self, store: EventStore) -> None:
        self.store, self.now = store, NOW
        self.supervision = Supervision(store, self.clock)
        self.organizations: Organizations = organizations_of(store)
        self.people = self.organizations.people
        self.members = Members(store, self.people, self.clock)
        self.sessions = Sessions(store, lambda: datetime.now(UTC))

    def clock(self) -> datetime:
        return self.now

    async def found(self, name: str = "Acme") -> Created:
        made = await self.organizations.create(name, actor_id="test")
        self.owner = await self.join(made.link_secret)
        self.org_id = made.org_id
        return made

    async def join(self, secret: str) -> UserId:
        email = f"{UserId.new()}@example.com"
        joined = await self.people.join(secret, email=email, name="Ann", password="a long password")
        return joined.user_id

    def by(self, user_id: UserId) -> Context:
        return Context(self.org_id, Actor("user", str(user_id)), "req", correlation_id="req")

    async def key(self, secret: str) -> Any:
        return await KeyCache(self.store.pools, SECRETS).check(secret)


@pytest.fixture
def house(store: EventStore) -> House:
    return House(store)


async def test_a_suspended_organization_is_shut_and_resumed_as_it_was(house: House) -> None:
    made = await house.found()
    session = await house.sessions.begin(house.owner, made.org_id)

    await house.supervision.suspend(OPERATOR, made.org_id, reason="Unpaid since May")

    with pytest.raises(Forbidden, match=r"org_suspended.*Unpaid since May"):
        await house.key(made.secret)
    with pytest.raises(Forbidden, match="org_suspended"):
        await house.store.save(context(made.org_id), requested_job())
    with pytest.raises(Forbidden, match="org_suspended"):
        await house.members.invite(house.by(house.owner), Role.VIEWER)
    visitor = await house.sessions.find(session)
    assert visitor is not None
    assert visitor.standing.suspended_for == "Unpaid since May"

    await house.supervision.resume(OPERATOR, made.org_id)

    assert (await house.key(made.secret)).org_id == made.org_id
    await house.store.save(context(made.org_id), requested_job())


async def test_what_was_begun_is_still_recorded_by_the_installation(house: House) -> None:
    made = await house.found()
    job = requested_job()
    await house.store.save(context(made.org_id), job)
    await house.supervision.suspend(OPERATOR, made.org_id, reason="Unpaid")

    job.start()
    worker = Context(made.org_id, Actor("system", "worker"), "req", correlation_id="req")
    head = await house.store.save(worker, job)

    assert head.position > made.head.position


async def test_every_act_stands_in_both_logs_as_the_operators(house: House) -> None:
    made = await house.found()

    await house.supervision.suspend(OPERATOR, made.org_id, reason="Unpaid")
    await house.supervision.limit(
        Actor("system", "packshot org"), made.org_id, OrgLimits(at_once=1)
    )

    theirs = [one for one in await house.store.read(made.org_id) if "organization" in one.type]
    ours = [one for one in await house.store.read(INSTALLATION) if "tenant" in one.type]
    assert [one.type for one in theirs[-2:]] == [
        "organization.suspended.v1", "organization.limited.v1",
    ]  # fmt: skip
    assert [one.type for one in ours] == [
        "tenant.enrolled.v1", "tenant.suspended.v1", "tenant.limited.v1",
    ]  # fmt: skip
    assert {one.stream_id for one in ours} == {made.org_id.uuid}
    operator = {"type": "operator", "id": OPERATOR.id}
    assert theirs[-2].meta["actor"] == ours[1].meta["actor"] == operator
    assert theirs[-1].meta["requestId"] == ours[2].meta["requestId"]


async def test_limits_come_with_the_record_of_a_key(house: House) -> None:
    made = await house.found()
    limits = OrgLimits(burst=10, per_minute=20, at_once=3, monthly_pictures=100)

    assert (await house.key(made.secret)).limits == OrgLimits()
    assert await house.supervision.limit(OPERATOR, made.org_id, limits)
    assert await house.supervision.limit(OPERATOR, made.org_id, limits) is None

    assert (await house.key(made.secret)).limits == limits
    assert (await house.organizations.find(made.org_id)).standing.limits == limits


async def test_a_closed_organization_ends_keys_and_sessions_until_it_is_opened_again(
    house: House,
) -> None:
    made = await house.found()
    session = await house.sessions.begin(house.owner, made.org_id)

    await house.organizations.close(house.by(house.owner))

    with pytest.raises(Forbidden, match=r"org_suspended.*closed"):
        await house.key(made.secret)
    assert await house.sessions.find(session) is None
    with pytest.raises(Conflict):
        await house.supervision.suspend(OPERATOR, made.org_id, reason="Late")

    house.now = datetime.now(UTC) + CLOSING_GRACE - timedelta(minutes=1)
    await house.supervision.reopen(OPERATOR, made.org_id)

    assert (await house.key(made.secret)).org_id == made.org_id
    assert await house.sessions.find(session) is not None

    await house.supervision.close(OPERATOR, made.org_id)
    house.now += CLOSING_GRACE
    with pytest.raises(Conflict, match="for good"):
        await house.supervision.reopen(OPERATOR, made.org_id)


async def test_one_that_was_suspended_before_it_was_closed_stays_shut(house: House) -> None:
    made = await house.found()
    await house.supervision.suspend(OPERATOR, made.org_id, reason="Unpaid")
    await house.supervision.close(OPERATOR, made.org_id)
    await house.supervision.reopen(OPERATOR, made.org_id)

    with pytest.raises(Forbidden, match="Unpaid"):
        await house.key(made.secret)
    with pytest.raises(Forbidden, match="org_suspended"):
        await house.store.save(context(made.org_id), requested_job())


async def test_only_an_owner_closes(house: House) -> None:
    made = await house.found()
    invited = await house.members.invite(house.by(house.owner), Role.ADMIN)
    admin = await house.join(invited.secret)

    with pytest.raises(Forbidden, match="scope_missing"):
        await house.organizations.close(house.by(admin))

    assert (await house.organizations.find(made.org_id)).standing.status == "active"


@pytest.mark.parametrize("verb", ["suspend", "resume", "close", "reopen"])
async def test_what_is_no_organization_is_not_found(house: House, verb: str) -> None:
    await house.found()
    words = {"reason": "Unpaid"} if verb == "suspend" else {}

    for org_id in (OrgId.new(), INSTALLATION):
        with pytest.raises(NotFound):
            await getattr(house.supervision, verb)(OPERATOR, org_id, **words)


async def test_of_two_suspensions_at_once_one_is_told(house: House) -> None:
    made = await house.found()

    acts: list[Callable[[], Awaitable[Any]]] = [
        lambda number=number: house.supervision.suspend(  # type: ignore[misc]
            OPERATOR, made.org_id, reason=f"Reason {number}"
        )
        for number in range(4)
    ]
    ends = await asyncio.gather(*(act() for act in acts), return_exceptions=True)

    assert sorted(isinstance(end, Conflict) for end in ends) == [False, True, True, True]
    events = await house.store.read(made.org_id)
    assert [one.type for one in events].count(Organization.Suspended.TOPIC) == 1


async def test_jobs_of_a_suspended_organization_wait_for_it_and_hold_up_nobody(
    house: House, pools: Pools
) -> None:
    waiting = []
    for number in range(4):
        made = await house.found(f"Org {number}")
        async with pools.writing() as connection:
            await connection.execute(
                """
                INSERT INTO work.job (tenant_id, job_id, state, priority, due_at, correlation_id)
                VALUES ($1, $1, 'waiting', 0, now(), 'test')
                """,
                made.org_id.uuid,
            )
        waiting.append(made.org_id)
    for org_id in waiting[:3]:
        await house.supervision.suspend(OPERATOR, org_id, reason="Unpaid")

    async def next_of(most: int) -> list[OrgId]:
        async with pools.writing() as connection:
            return [due.org_id for due in await next_in_turn(connection, after=None, most=most)]

    assert await next_of(1) == [waiting[3]]
    await house.supervision.resume(OPERATOR, waiting[1])
    assert await next_of(8) == [waiting[1], waiting[3]]
