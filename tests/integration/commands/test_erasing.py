"""A person is erased: nothing of them is left anywhere, and every chain holds as before."""

from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg
import pytest

from domain.errors import Conflict, NotFound
from domain.ids import OrgId, UserId
from domain.recorded import Actor, Context
from domain.roles import Role
from domain.user import INSTALLATION
from given import founded, requested_job
from packshot.commands.accounts import Accounts
from packshot.commands.erasing import Erasing
from packshot.commands.members import Members, Wanted
from packshot.commands.people import People
from packshot.commands.sessions import Sessions
from packshot.commands.trail import Trail, called
from packshot.store.events import EventStore
from packshot.store.verify import verify_log
from services import Database

EMAIL, NAME, PASSWORD = "canary-mara@example.com", "Canary Oduya", "correct horse battery staple"
EVERY_TABLE = """
SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
WHERE schemaname IN ('es', 'views', 'work')
"""


def now() -> datetime:
    return datetime(2026, 11, 23, 9, tzinfo=UTC)


@dataclass
class House:
    """Two organizations and the use cases of people on them."""

    store: EventStore
    org_ids: tuple[OrgId, OrgId]

    def __post_init__(self) -> None:
        self.people = People(self.store, now)
        self.members = Members(self.store, self.people, now)
        self.erasing = Erasing(self.store, self.members)

    async def join(self, org_id: OrgId, role: Role, *, email: str, name: str) -> UserId:
        by = Context(org_id, Actor("system", "test"), "req_1", correlation_id="test")
        link = (await self.members.invite(by, role)).secret
        joined = await self.people.join(link, email=email, name=name, password=PASSWORD)
        return joined.user_id


@pytest.fixture
async def house(store: EventStore, org_id: OrgId) -> House:
    return House(store, (org_id, await founded(store, "Globex")))


@pytest.fixture
async def mara(house: House) -> UserId:
    """A person who belongs to both, beside another owner of the first; she has done something."""
    first, second = house.org_ids
    await house.join(first, Role.OWNER, email="jun@example.com", name="Jun")
    user_id = await house.join(first, Role.OWNER, email=EMAIL, name=NAME)
    await house.join(second, Role.MEMBER, email=EMAIL, name=NAME)
    by = Context(first, Actor("user", str(user_id)), "req_2", correlation_id="test")
    await house.store.save(by, requested_job())
    return user_id


async def found_anywhere(database: Database, text: str) -> list[str]:
    """The tables of which a row holds that text."""
    owner = await asyncpg.connect(database.owner_url)
    try:
        tables = [row[0] for row in await owner.fetch(EVERY_TABLE)]
        assert len(tables) > 20
        return [
            table
            for table in tables
            if await owner.fetchval(
                f"SELECT count(*) FROM {table} AS t WHERE strpos(t::text, $1) > 0", text
            )
        ]
    finally:
        await owner.close()


async def test_nothing_of_a_person_is_left_and_every_chain_holds(
    house: House, mara: UserId, database: Database
) -> None:
    await Sessions(house.store, now).begin(mara, house.org_ids[0])
    person = (await Accounts(house.store, now).find(mara)).name
    before = {v.org_id: v.events for v in await verify_log(database.owner_url)}
    assert (person, await found_anywhere(database, EMAIL)) == (NAME, ["work.person"])

    gone = await house.erasing.erase(f" {EMAIL.upper()} ", actor_id="test")

    assert gone.user_id == mara
    assert {place.org_id for place in gone.left} == set(house.org_ids)
    for text in (EMAIL, NAME):
        assert await found_anywhere(database, text) == []
    owner = await asyncpg.connect(database.owner_url)
    assert await owner.fetchval("SELECT count(*) FROM work.session") == 0
    await owner.close()
    after = await verify_log(database.owner_url)
    assert all(verdict.valid for verdict in after)
    assert {v.org_id: v.events - before[v.org_id] for v in after} == {
        house.org_ids[0]: 1,
        house.org_ids[1]: 1,
        INSTALLATION: 1,
    }


async def test_who_is_erased_is_a_former_member_of_whom_no_name_is_told(
    house: House, mara: UserId
) -> None:
    await house.erasing.erase(EMAIL, actor_id="test")

    first = house.org_ids[0]
    listed = await house.members.list(first, Wanted(limit=10))
    trail = Trail(house.store, house.people)
    names = await trail.names.known(first, [str(mara)])
    assert [member.name for member in listed.members] == ["Jun"]
    assert called("user", str(mara), names) == "a former member"
    assert await house.people.sign_in(email=EMAIL, password=PASSWORD) is None


async def test_the_address_is_free_for_a_new_person(house: House, mara: UserId) -> None:
    await house.erasing.erase(EMAIL, actor_id="test")

    newcomer = await house.join(house.org_ids[0], Role.VIEWER, email=EMAIL, name="Other")

    assert newcomer != mara


async def test_the_last_owner_is_not_erased_and_the_organization_is_named(
    house: House, mara: UserId
) -> None:
    second = house.org_ids[1]
    by = Context(second, Actor("system", "test"), "req_3", correlation_id="test")
    await house.members.change_role(by, mara, Role.OWNER)

    with pytest.raises(Conflict) as refused:
        await house.erasing.erase(EMAIL, actor_id="test")

    assert refused.value.code == "last_owner"
    assert f"Globex ({second})" in refused.value.detail
    known = await house.people.sign_in(email=EMAIL, password=PASSWORD)  # nothing was done
    assert known is not None
    assert (await house.members.list(house.org_ids[0], Wanted(limit=10))).total == 2


async def test_an_address_that_nobody_has_is_refused(house: House, mara: UserId) -> None:
    await house.erasing.erase(EMAIL, actor_id="test")

    for email in (EMAIL, "nobody@example.com"):
        with pytest.raises(NotFound):
            await house.erasing.erase(email, actor_id="test")
