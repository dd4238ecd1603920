"""Teams on a real database: who decides about them, and what leaving the organization does."""

import asyncio
from datetime import UTC, datetime

import pytest

from domain.errors import Conflict, Forbidden, InvalidInput, NotFound, Refusal
from domain.ids import OrgId, TeamId, UserId
from domain.recorded import Actor, Context
from domain.roles import Role
from domain.team import TeamRole
from given import founded
from packshot.commands.members import Members, Wanted
from packshot.commands.people import People
from packshot.commands.teams import Teams
from packshot.store.events import EventStore


class House:
    """The use cases of teams and members in one organization."""

    def __init__(self, store: EventStore, org_id: OrgId) -> None:
        self.store, self.org_id = store, org_id
        self.people = People(store, lambda: datetime.now(UTC))
        self.members = Members(store, self.people, lambda: datetime.now(UTC))
        self.teams = Teams(store)

    def by(self, user_id: UserId | None = None) -> Context:
        actor = Actor("key", "a key") if user_id is None else Actor("user", str(user_id))
        return Context(self.org_id, actor, "req", correlation_id="req")

    async def join(self, role: Role, name: str = "Ann") -> UserId:
        system = Context(self.org_id, Actor("system", "test"), "req", correlation_id="req")
        link = (await self.members.invite(system, role)).secret
        email = f"{UserId.new()}@example.com"
        joined = await self.people.join(link, email=email, name=name, password="a long password")
        return joined.user_id

    async def team(self, name: str = "Shoes") -> TeamId:
        return (await self.teams.create(self.by(), name))[0].team_id

    async def in_team(self, team_id: TeamId) -> dict[UserId, TeamRole]:
        members, _ = await self.teams.members(self.org_id, team_id, after=None, limit=50)
        return {one.user_id: one.role for one in members}


@pytest.fixture
def house(store: EventStore, org_id: OrgId) -> House:
    return House(store, org_id)


async def test_a_lead_decides_who_is_in_their_team_and_in_no_other(house: House) -> None:
    shoes, hats = await house.team("Shoes"), await house.team("Hats")
    ann, bo = await house.join(Role.MEMBER), await house.join(Role.VIEWER)
    with pytest.raises(Forbidden):
        await house.teams.put_member(house.by(ann), shoes, ann, TeamRole.LEAD)
    await house.teams.put_member(house.by(), shoes, ann, TeamRole.LEAD)

    await house.teams.put_member(house.by(ann), shoes, bo, TeamRole.MEMBER)
    renamed, _ = await house.teams.rename(house.by(ann), shoes, "Boots")

    assert await house.in_team(shoes) == {ann: TeamRole.LEAD, bo: TeamRole.MEMBER}
    assert (renamed.name, renamed.members) == ("Boots", 2)
    for act in (
        house.teams.put_member(house.by(ann), hats, bo, TeamRole.MEMBER),
        house.teams.rename(house.by(bo), shoes, "Mine"),
        house.teams.remove_member(house.by(bo), shoes, ann),
        house.teams.delete(house.by(ann), shoes),
        house.teams.create(house.by(ann), "Another"),
    ):
        with pytest.raises(Forbidden):
            await act
    await house.teams.remove_member(house.by(ann), shoes, ann)
    with pytest.raises(Forbidden):
        await house.teams.remove_member(house.by(ann), shoes, bo)


async def test_only_members_of_the_organization_are_in_a_team(
    house: House, store: EventStore
) -> None:
    shoes = await house.team()
    other = House(store, await founded(store, "Globex"))
    stranger, gone = await other.join(Role.OWNER), await house.join(Role.MEMBER)
    await house.members.leave(house.by(gone), gone)

    for user_id in (stranger, gone, UserId.new()):
        with pytest.raises(NotFound):
            await house.teams.put_member(house.by(), shoes, user_id, TeamRole.MEMBER)
    for act in (
        other.teams.find(other.org_id, shoes),
        other.teams.rename(other.by(), shoes, "Ours"),
        other.teams.put_member(other.by(), shoes, stranger, TeamRole.LEAD),
        other.teams.remove_member(other.by(), shoes, stranger),
        other.teams.delete(other.by(), shoes),
    ):
        with pytest.raises(NotFound):
            await act


async def test_who_leaves_the_organization_leaves_its_teams_for_good(house: House) -> None:
    owner, ann = await house.join(Role.OWNER), await house.join(Role.MEMBER)
    teams = [await house.team(name) for name in ("Shoes", "Hats", "Gone")]
    for team_id in teams:
        await house.teams.put_member(house.by(), team_id, ann, TeamRole.LEAD)
    await house.teams.put_member(house.by(), teams[0], owner, TeamRole.MEMBER)
    await house.teams.delete(house.by(), teams[2])

    await house.members.remove(house.by(owner), ann)

    assert await house.in_team(teams[0]) == {owner: TeamRole.MEMBER}
    assert await house.in_team(teams[1]) == {}
    assert await house.teams.of_member(house.org_id, ann) == frozenset()
    events = [one.type for one in await house.store.read(house.org_id)]
    assert events[-3:] == ["membership.ended.v1", *["team.member-removed.v1"] * 2]


async def test_a_name_is_one_teams(house: House) -> None:
    shoes = await house.team("Shoes")
    with pytest.raises(Conflict, match="name_taken"):
        await house.team(" sHOES ")
    hats = await house.team("Hats")
    with pytest.raises(Conflict, match="name_taken"):
        await house.teams.rename(house.by(), hats, "SHOES")
    with pytest.raises(InvalidInput):
        await house.teams.rename(house.by(), hats, "\n")
    renamed, head = await house.teams.rename(house.by(), shoes, "SHOES")
    assert (renamed.name, head is not None) == ("SHOES", True)
    assert (await house.teams.rename(house.by(), shoes, "SHOES"))[1] is None

    await house.teams.delete(house.by(), shoes)
    assert await house.team("Shoes") != shoes


async def test_of_many_teams_of_one_name_at_once_one_is_made(house: House) -> None:
    ends = await asyncio.gather(*(house.team("Shoes") for _ in range(4)), return_exceptions=True)

    assert sorted(isinstance(end, Conflict) for end in ends) == [False, True, True, True]
    _, total = await house.teams.list(house.org_id, after=None, limit=10)
    assert total == 1


async def test_joining_a_team_while_leaving_the_organization_leaves_nobody_behind(
    house: House,
) -> None:
    shoes = await house.team()
    await house.join(Role.OWNER)
    for _ in range(4):
        ann = await house.join(Role.MEMBER)
        await asyncio.gather(
            house.members.leave(house.by(ann), ann),
            house.teams.put_member(house.by(), shoes, ann, TeamRole.LEAD),
            return_exceptions=True,
        )

    assert await house.in_team(shoes) == {}


async def test_of_two_owners_who_leave_at_once_one_stays(house: House) -> None:
    for _ in range(3):
        owners = [await house.join(Role.OWNER) for _ in range(2)]
        listed = await house.members.list(house.org_id, Wanted(limit=10))
        everybody = [one.user_id for one in listed.members if one.role is Role.OWNER]
        assert set(owners) <= set(everybody)

        ends = await asyncio.gather(
            *(house.members.leave(house.by(one), one) for one in everybody),
            return_exceptions=True,
        )

        refused = [end for end in ends if isinstance(end, Refusal)]
        assert [end.code for end in refused] == ["last_owner"]


async def test_members_are_found_by_name_and_address_in_every_script(
    house: House, store: EventStore
) -> None:
    other = House(store, await founded(store, "Globex"))
    names = ["Ünal Ölçer", "株式会社 太郎", "مريم", "Łukasz", "100% _under_", "<b>Bo</b>"]
    ids = {name: await house.join(Role.MEMBER, name) for name in names}
    await other.join(Role.OWNER, "مريم")

    async def found(matching: str, *, after: UserId | None = None) -> list[UserId]:
        wanted = Wanted(limit=10, matching=matching, after=None if after is None else after.uuid)
        return [one.user_id for one in (await house.members.list(house.org_id, wanted)).members]

    assert await found("öLÇ") == [ids["Ünal Ölçer"]]
    assert await found("太郎") == [ids["株式会社 太郎"]]
    assert await found("مريم") == [ids["مريم"]]
    assert await found("łukasz") == [ids["Łukasz"]]
    assert await found("%") == await found("_under_") == [ids["100% _under_"]]
    assert await found("<b>") == [ids["<b>Bo</b>"]]
    assert await found("@EXAMPLE.com") == list(ids.values())
    assert await found("@example", after=ids["Łukasz"]) == list(ids.values())[4:]
    assert await found("nobody") == []
