"""A team: members of the organization, some of them leads, until it is deleted."""

import pytest

from domain.errors import Conflict, InvalidInput, NotFound
from domain.ids import TeamId, UserId
from domain.team import Team, TeamRole
from given import given

ANN, BO = UserId.new(), UserId.new()


def shoes() -> Team:
    return Team.create(TeamId.new(), name="Shoes")


def test_a_team_begins_with_nobody_in_it() -> None:
    team = given(shoes()).aggregate

    assert (team.name, team.members, team.is_deleted) == ("Shoes", {}, False)


@pytest.mark.parametrize("name", ["", "   ", "a" * 101, "two\nlines", "null\x00", "\u202eshoes"])
def test_a_name_that_cannot_be_shown_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Team.create(TeamId.new(), name=name)
    with pytest.raises(InvalidInput):
        shoes().rename(name)

    assert refused.value.param == "name"


def test_a_team_is_renamed_once_for_each_new_name() -> None:
    story = given(shoes()).when(lambda team: team.rename(" 靴 "))
    story.then((Team.Renamed, {"name": "靴", "former_name": "Shoes"}))

    story.when(lambda team: team.rename("靴")).then()


def test_members_come_lead_and_go() -> None:
    story = given(shoes()).when(lambda team: team.put_member(ANN, TeamRole.MEMBER))
    story.then((Team.MemberAdded, {"user_id": str(ANN), "role": "member"}))
    story.when(lambda team: team.put_member(ANN, TeamRole.MEMBER)).then()
    story.when(lambda team: team.put_member(ANN, TeamRole.LEAD))
    story.then((Team.MemberRoleChanged, {"user_id": str(ANN), "role": "lead"}))
    assert story.aggregate.members == {ANN: TeamRole.LEAD}

    story.when(lambda team: team.remove_member(ANN))
    story.then((Team.MemberRemoved, {"user_id": str(ANN)}))
    assert story.aggregate.members == {}


def test_who_is_not_in_the_team_is_not_removed() -> None:
    team = shoes()
    team.put_member(ANN, TeamRole.LEAD)

    with pytest.raises(NotFound):
        team.remove_member(BO)


def test_a_deleted_team_is_over() -> None:
    story = given(shoes()).when(lambda team: team.put_member(ANN, TeamRole.LEAD))
    story.when(Team.delete).then((Team.MemberAdded, {}), (Team.Deleted, {"name": "Shoes"}))

    for verb in (
        Team.delete,
        lambda team: team.rename("Hats"),
        lambda team: team.put_member(BO, TeamRole.MEMBER),
        lambda team: team.remove_member(ANN),
    ):
        with pytest.raises(Conflict, match="already_terminal"):
            story.when(verb)
    assert story.aggregate.members == {}
