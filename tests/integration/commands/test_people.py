"""People and members on a real database: joining, signing in, sessions, and who may decide."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from domain.errors import Conflict, Forbidden, InvalidInput, NotFound, Refusal, Unauthenticated
from domain.ids import InviteId, OrgId, UserId
from domain.recorded import Actor, Context
from domain.roles import Role
from domain.user import INSTALLATION
from given import founded
from locks import until_waiting, writers_held
from packshot.commands.accounts import Accounts
from packshot.commands.members import Members, Wanted
from packshot.commands.people import Joined, People
from packshot.commands.sessions import IDLE, LONGEST, PROOF_LIFE, Sessions
from packshot.store.events import EventStore
from services import Database

PASSWORD = "correct horse battery staple"
BEGIN = datetime(2026, 11, 23, 9, tzinfo=UTC)


@dataclass
class Clock:
    """A clock that is set by hand."""

    now: datetime = BEGIN

    def __call__(self) -> datetime:
        return self.now


@dataclass
class House:
    """The use cases of people on one database and one clock."""

    store: EventStore
    org_id: OrgId
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.people = People(self.store, self.clock)
        self.members = Members(self.store, self.people, self.clock)
        self.sessions = Sessions(self.store, self.clock)

    def by(self, who: UserId | None = None) -> Context:
        actor = Actor("system", "test") if who is None else Actor("user", str(who))
        return Context(self.org_id, actor, f"req_{uuid4()}", correlation_id="test")

    async def link(self, role: Role, *, by: UserId | None = None) -> str:
        return (await self.members.invite(self.by(by), role)).secret

    async def join(self, role: Role, *, email: str | None = None) -> UserId:
        joined = await self.people.join(
            await self.link(role),
            email=email or f"{uuid4().hex}@example.com",
            name="Mara Oduya",
            password=PASSWORD,
        )
        return joined.user_id

    async def roles(self) -> dict[UserId, str]:
        listed = (await self.members.list(self.org_id, Wanted(limit=200))).members
        return {member.user_id: str(member.role) for member in listed}


@pytest.fixture
def house(store: EventStore, org_id: OrgId) -> House:
    return House(store, org_id)


async def refused(work: object) -> Refusal:
    with pytest.raises(Refusal) as error:
        await work  # type: ignore[misc] # a coroutine of any kind
    return error.value


async def test_who_comes_by_a_link_is_a_member_and_signs_in(house: House) -> None:
    user_id = await house.join(Role.ADMIN, email=" Mara@Example.com ")

    known = await house.people.sign_in(email="MARA@example.com", password=PASSWORD)

    assert known == Joined(user_id, house.org_id)
    (member,) = (await house.members.list(house.org_id, Wanted(limit=200))).members
    assert (member.user_id, member.name, member.email) == (
        user_id,
        "Mara Oduya",
        "mara@example.com",
    )
    assert await house.people.sign_in(email="mara@example.com", password="another one") is None
    assert await house.people.sign_in(email="nobody@example.com", password=PASSWORD) is None


async def test_a_password_is_one_whatever_keyboard_wrote_it_and_never_longer_than_it_is(
    house: House,
) -> None:
    link = await house.link(Role.MEMBER)
    composed, decomposed = "é" * 200, "e\u0301" * 200
    email = "long@example.com"
    await house.people.join(link, email=email, name="Long", password=composed)

    assert await house.people.sign_in(email=email, password=composed) is not None
    assert await house.people.sign_in(email=email, password=composed + "x") is None
    assert await house.people.sign_in(email=email, password=decomposed) is None  # 400 characters
    assert await house.people.sign_in(email=email, password=composed.upper()) is None


@pytest.mark.parametrize("name", ["李雷", "מרה", "Ann 👩\u200d🚀", "<b>Bo</b>", "O'Neil & Söhne"])
async def test_names_are_what_people_call_themselves(house: House, name: str) -> None:
    link = await house.link(Role.VIEWER)

    await house.people.join(link, email="a@example.com", name=f" {name} ", password=PASSWORD)

    (member,) = (await house.members.list(house.org_id, Wanted(limit=200))).members
    assert member.name == name


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"name": ""}, "name"),
        ({"name": "\u200d\u200d"}, "name"),
        ({"name": "Mara\u202eoduya"}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"email": "mara"}, "email"),
        ({"email": "@example.com"}, "email"),
        ({"email": f"{'x' * 250}@example.com"}, "email"),
        ({"password": "too short"}, "password"),
        ({"password": "x" * 201}, "password"),
    ],
)
async def test_what_cannot_be_is_refused_and_the_link_still_works(
    house: House, wrong: dict[str, str], param: str
) -> None:
    right = {"email": "mara@example.com", "name": "Mara", "password": PASSWORD}
    link = await house.link(Role.MEMBER)

    refusal = await refused(house.people.join(link, **(right | wrong)))

    assert isinstance(refusal, InvalidInput)
    assert refusal.param == param
    if param == "password":
        assert wrong["password"] not in f"{refusal} {refusal.fix} {refusal.allowed}"
    await house.people.join(link, **right)


async def test_of_two_who_open_one_link_at_once_one_joins(house: House) -> None:
    link = await house.link(Role.OWNER)

    ends = await asyncio.gather(
        *(
            house.people.join(link, email=f"{n}@example.com", name=f"N{n}", password=PASSWORD)
            for n in range(4)
        ),
        return_exceptions=True,
    )

    assert sorted(type(end).__name__ for end in ends) == ["Joined", *["NotFound"] * 3]
    assert len(await house.roles()) == 1
    for number in range(4):  # who came too late has no account either
        known = await house.people.sign_in(email=f"{number}@example.com", password=PASSWORD)
        assert (known is None) is isinstance(ends[number], NotFound)


async def test_of_two_who_register_one_address_at_once_one_account_is_made(house: House) -> None:
    links = [await house.link(Role.MEMBER) for _ in range(2)]

    ends = await asyncio.gather(
        *(
            house.people.join(link, email="one@example.com", name="One", password=PASSWORD + link)
            for link in links
        ),
        return_exceptions=True,
    )

    assert sorted(type(end).__name__ for end in ends) == ["Joined", "Unauthenticated"]
    assert len(await house.roles()) == 1


async def test_a_link_ends_by_use_by_time_and_by_withdrawal(house: House) -> None:
    used, old, withdrawn = [await house.link(Role.MEMBER) for _ in range(3)]
    await house.people.join(used, email="a@example.com", name="A", password=PASSWORD)
    newest = (await house.members.invites(house.org_id))[0]
    await house.members.withdraw(house.by(), newest.invite_id)

    ended = [await refused(house.people.find_invitation(link)) for link in (used, withdrawn, "no")]
    house.clock.now += timedelta(days=7)
    ended.append(await refused(house.people.find_invitation(old)))
    ended.append(
        await refused(house.people.join(old, email="b@example.com", name="B", password=PASSWORD))
    )

    assert {(type(one), one.code, str(one)) for one in ended} == {
        (NotFound, "not_found", str(ended[0]))
    }
    again = await refused(house.members.withdraw(house.by(), newest.invite_id))
    assert again.code == "already_terminal"


async def test_who_has_an_account_joins_with_its_password_and_with_no_other(
    house: House, store: EventStore
) -> None:
    user_id = await house.join(Role.MEMBER, email="mara@example.com")
    globex = House(store, await founded(store, "Globex"))
    link = await globex.link(Role.OWNER)
    wish = {"email": "mara@example.com", "name": "Another name"}

    stranger = await refused(globex.people.join(link, **wish, password="guessed password"))
    joined = await globex.people.join(link, **wish, password=PASSWORD)

    assert isinstance(stranger, Unauthenticated)
    assert joined == Joined(user_id, globex.org_id)
    (member,) = (await globex.members.list(globex.org_id, Wanted(limit=200))).members
    assert member.name == "Mara Oduya"


async def test_a_link_changes_no_role_of_a_member_and_stays_for_somebody_else(
    house: House,
) -> None:
    owner = await house.join(Role.OWNER)
    link = await house.link(Role.VIEWER)

    refusal = await refused(house.people.join_as(owner, link))

    assert (type(refusal), refusal.code) == (Conflict, "already_member")
    assert await house.roles() == {owner: "owner"}
    await house.people.join(link, email="v@example.com", name="V", password=PASSWORD)


async def test_who_was_removed_comes_back_by_a_new_link_only(house: House) -> None:
    owner, member = await house.join(Role.OWNER), await house.join(Role.ADMIN)
    await house.members.remove(house.by(owner), member)

    await house.people.join_as(member, await house.link(Role.ADMIN))

    assert await house.roles() == {owner: "owner", member: "admin"}


async def test_the_only_owner_stays_an_owner(house: House) -> None:
    owner, admin = await house.join(Role.OWNER), await house.join(Role.ADMIN)

    ends = [
        await refused(house.members.leave(house.by(owner), owner)),
        await refused(house.members.remove(house.by(owner), owner)),
        await refused(house.members.change_role(house.by(owner), owner, Role.ADMIN)),
    ]

    assert {one.code for one in ends} == {"last_owner"}
    assert await house.roles() == {owner: "owner", admin: "admin"}
    assert await house.members.change_role(house.by(owner), owner, Role.OWNER) is None


async def test_who_invites_and_who_withdraws_an_old_invite_do_not_wait_for_each_other(
    house: House, database: Database
) -> None:
    old = await house.members.invite(house.by(), Role.MEMBER)
    house.clock.now += timedelta(days=8)

    async with writers_held(database, house.org_id, waiting=2):
        invite = asyncio.create_task(house.members.invite(house.by(), Role.MEMBER))
        await until_waiting(database, 1)  # first in the queue for the log
        withdrawal = asyncio.create_task(house.members.withdraw(house.by(), old.invite_id))
    await asyncio.gather(withdrawal, invite)

    assert [one.is_expired for one in await house.members.invites(house.org_id)] == [False]


@pytest.mark.parametrize("act", ["demote", "remove", "leave"])
async def test_two_owners_who_end_each_other_at_once_leave_one(
    house: House, database: Database, act: str
) -> None:
    first, second = await house.join(Role.OWNER), await house.join(Role.OWNER)

    async def end(who: UserId, other: UserId) -> None:
        match act:
            case "demote":
                await house.members.change_role(house.by(who), other, Role.MEMBER)
            case "remove":
                await house.members.remove(house.by(who), other)
            case "leave":
                await house.members.leave(house.by(who), who)

    async with writers_held(database, house.org_id, waiting=2):
        both = [asyncio.create_task(end(first, second)), asyncio.create_task(end(second, first))]
    ends = await asyncio.gather(*both, return_exceptions=True)

    assert [type(one) for one in ends].count(type(None)) == 1
    assert all(isinstance(one, Refusal) for one in ends if one is not None)
    assert list((await house.roles()).values()).count("owner") == 1


async def test_an_admin_decides_about_everybody_but_owners(house: House) -> None:
    owner, admin, member = [
        await house.join(role) for role in (Role.OWNER, Role.ADMIN, Role.MEMBER)
    ]
    invited = await house.members.invite(house.by(owner), Role.OWNER)
    by = house.by(admin)

    ends = [
        await refused(house.members.change_role(by, owner, Role.MEMBER)),
        await refused(house.members.change_role(by, member, Role.OWNER)),
        await refused(house.members.change_role(by, admin, Role.OWNER)),
        await refused(house.members.remove(by, owner)),
        await refused(house.members.invite(by, Role.OWNER)),
        await refused(house.members.withdraw(by, invited.invite_id)),
    ]

    assert {type(one) for one in ends} == {Forbidden}
    assert (await house.people.find_invitation(invited.secret)).role is Role.OWNER
    await house.members.change_role(by, member, Role.ADMIN)
    await house.members.remove(by, member)
    assert await house.roles() == {owner: "owner", admin: "admin"}


@pytest.mark.parametrize("role", [Role.MEMBER, Role.VIEWER])
async def test_members_and_viewers_decide_about_nobody_and_may_leave(
    house: House, role: Role
) -> None:
    owner, other = await house.join(Role.OWNER), await house.join(role)
    by = house.by(other)

    ends = [
        await refused(house.members.invite(by, Role.VIEWER)),
        await refused(house.members.change_role(by, other, Role.ADMIN)),
        await refused(house.members.remove(by, owner)),
    ]
    await house.members.leave(by, other)

    assert {type(one) for one in ends} == {Forbidden}
    assert isinstance(await refused(house.members.invite(by, Role.VIEWER)), Forbidden)
    assert await house.roles() == {owner: "owner"}


async def test_nobody_keeps_a_way_back_by_invites_they_sent(house: House) -> None:
    first, second = await house.join(Role.OWNER), await house.join(Role.OWNER)
    as_owner = await house.link(Role.OWNER, by=second)
    as_admin = await house.link(Role.ADMIN, by=second)
    of_first = await house.link(Role.OWNER, by=first)

    await house.members.change_role(house.by(first), second, Role.ADMIN)
    assert isinstance(await refused(house.people.join_as(second, as_owner)), NotFound)
    assert (await house.people.find_invitation(as_admin)).role is Role.ADMIN
    await house.members.remove(house.by(first), second)

    for link in (as_owner, as_admin):
        assert isinstance(await refused(house.people.join_as(second, link)), NotFound)
    assert (await house.people.find_invitation(of_first)).role is Role.OWNER


async def test_ids_of_another_organization_name_nobody(house: House, store: EventStore) -> None:
    globex = House(store, await founded(store, "Globex"))
    theirs = await globex.join(Role.MEMBER)
    sent = await globex.members.invite(globex.by(), Role.MEMBER)
    by = house.by(await house.join(Role.OWNER))

    ends = [
        await refused(house.members.remove(by, theirs)),
        await refused(house.members.change_role(by, theirs, Role.VIEWER)),
        await refused(house.members.withdraw(by, sent.invite_id)),
        await refused(house.members.withdraw(by, InviteId.new())),
    ]

    assert {type(one) for one in ends} == {NotFound}
    assert (await globex.people.find_invitation(sent.secret)).org_id == globex.org_id


async def test_a_session_ends_when_idle_and_after_a_week_at_most(house: House) -> None:
    user_id = await house.join(Role.MEMBER)
    idle = await house.sessions.begin(user_id, house.org_id)
    busy = await house.sessions.begin(user_id, house.org_id)

    house.clock.now += IDLE - timedelta(seconds=1)
    assert await house.sessions.find(busy) is not None
    house.clock.now += timedelta(seconds=1)
    assert await house.sessions.find(idle) is None
    while house.clock.now < BEGIN + LONGEST - IDLE:
        house.clock.now += IDLE / 2
        assert await house.sessions.find(busy) is not None
    house.clock.now = BEGIN + LONGEST - timedelta(seconds=1)
    assert await house.sessions.find(busy) is not None
    house.clock.now = BEGIN + LONGEST
    assert await house.sessions.find(busy) is None


async def test_a_session_ends_at_the_server_and_another_goes_on(house: House) -> None:
    user_id = await house.join(Role.MEMBER)
    one, other = [await house.sessions.begin(user_id, house.org_id) for _ in range(2)]

    await house.sessions.end(one)

    assert await house.sessions.find(one) is None
    assert await house.sessions.find(other) is not None
    assert await house.sessions.find("planted") is None


async def test_roles_count_at_once_and_who_is_removed_is_out_at_once(
    house: House, store: EventStore
) -> None:
    owner = await house.join(Role.OWNER)
    member = await house.join(Role.MEMBER, email="mara@example.com")
    globex = House(store, await founded(store, "Globex"))
    session = await house.sessions.begin(member, house.org_id)

    await house.members.change_role(house.by(owner), member, Role.VIEWER)
    visitor = await house.sessions.find(session)
    assert visitor is not None
    assert visitor.role is Role.VIEWER

    await globex.people.join_as(member, await globex.link(Role.ADMIN))
    await house.members.remove(house.by(owner), member)
    visitor = await house.sessions.find(session)
    assert visitor is not None
    assert (visitor.org_id, visitor.role) == (globex.org_id, Role.ADMIN)

    await globex.members.remove(globex.by(), member)
    assert await house.sessions.find(session) is None
    assert await house.people.sign_in(email="mara@example.com", password=PASSWORD) is None


async def test_links_that_are_too_old_are_forgotten_when_the_next_is_made(house: House) -> None:
    await house.link(Role.MEMBER)
    house.clock.now += timedelta(days=8)
    newest = await house.link(Role.MEMBER)

    listed = await house.members.invites(house.org_id)

    assert [invite.is_expired for invite in listed] == [False, True]
    async with house.store.pools.reading(INSTALLATION) as connection:
        count = "SELECT count(*) FROM work.link WHERE tenant_id = $1"
        assert await connection.fetchval(count, INSTALLATION.uuid) == 1
    assert (await house.people.find_invitation(newest)).role is Role.MEMBER


async def test_who_is_disabled_is_out_at_once_everywhere_and_comes_back(house: House) -> None:
    email = "mara@example.com"
    user_id = await house.join(Role.OWNER, email=email)
    session = await house.sessions.begin(user_id, house.org_id)
    link = await house.link(Role.ADMIN)
    accounts = Accounts(house.store, house.clock)

    await accounts.disable(" Mara@example.com", actor_id="test")

    assert await house.sessions.find(session) is None
    assert await house.people.sign_in(email=email, password=PASSWORD) is None
    wish = {"email": email, "name": "Mara", "password": PASSWORD}
    assert (await refused(house.people.join(link, **wish))).code == "sign_in_failed"
    again = await refused(accounts.disable(email, actor_id="test"))
    assert again.code == "already_terminal"

    await accounts.enable(email, actor_id="test")
    assert await house.sessions.find(session) is None  # it ended, and stays so
    assert await house.people.sign_in(email=email, password=PASSWORD) == Joined(
        user_id, house.org_id
    )
    assert (await refused(accounts.enable(email, actor_id="test"))).code == "already_terminal"
    nobody = await refused(accounts.disable("nobody@example.com", actor_id="test"))
    assert nobody.code == "not_found"


async def test_two_tabs_rotate_a_session_once(house: House) -> None:
    owner, member = await house.join(Role.OWNER), await house.join(Role.MEMBER)
    session = await house.sessions.begin(member, house.org_id)
    await house.members.change_role(house.by(owner), member, Role.ADMIN)
    visitor = await house.sessions.find(session)
    assert visitor is not None
    assert visitor.has_other_rights

    texts = await asyncio.gather(*(house.sessions.rotate(session, visitor) for _ in range(2)))

    (fresh,) = [text for text in texts if text is not None]
    found = await house.sessions.find(fresh)
    assert found is not None
    assert (found.session_id, found.has_other_rights) == (visitor.session_id, False)


async def test_a_proof_counts_for_ten_minutes(house: House) -> None:
    session = await house.sessions.begin(await house.join(Role.OWNER), house.org_id)

    async def is_proven() -> bool:
        visitor = await house.sessions.find(session)
        return visitor is not None and house.sessions.is_proven(visitor)

    assert await is_proven()
    house.clock.now += PROOF_LIFE
    assert not await is_proven()
    await house.sessions.prove(session)
    assert await is_proven()
