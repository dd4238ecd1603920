"""/api/v1/teams: the teams of the organization, and who is in them."""

from typing import Annotated

from pydantic import ConfigDict, Field

from domain.errors import InvalidInput
from domain.ids import TeamId, UserId
from domain.scopes import Scope
from domain.team import NAME_MAX_CHARACTERS, TeamRole
from packshot.commands.teams import NamedTeamMember
from packshot.edge.contract import Call, NoFields, Reply, endpoint
from packshot.edge.fields import Label, Word
from packshot.edge.forms import Form
from packshot.edge.paging import PageAnswer, PageForm, Total, page_of
from packshot.edge.path_ids import team_id_of, user_id_of
from packshot.edge.shapes import Answer, Time
from packshot.edge.trying import refuse_test_key
from projections.teams import ListedTeam

TEAMS = "/api/v1/teams"
TEAM = TEAMS + "/{teamId}"
MEMBERS = TEAM + "/members"
MEMBER = MEMBERS + "/{userId}"
WRITTEN = ("x-log-position", "x-log-head")
DECIDES_NOT = "ends no team and decides about no member"
CHANGE_REFUSALS = ("not_found", "already_terminal", "org_suspended", "overloaded")


class TeamForm(Form):
    """A team's name."""

    model_config = ConfigDict(json_schema_extra={"required": ["name"]})

    name: Annotated[str | None, Label(NAME_MAX_CHARACTERS)] = Field(
        None, description="What its members know the team by.", examples=["Shoes"]
    )


class TeamMemberForm(Form):
    """What somebody is in the team."""

    role: Annotated[str, Word(tuple(TeamRole))] = Field(
        TeamRole.MEMBER, description="A lead decides who else is in the team."
    )


class TeamAnswer(Answer):
    """A team; ``members`` counts who is in it."""

    team_id: str
    name: str
    members: int
    created_at: Time


class TeamsAnswer(Answer):
    """A page of teams, oldest first."""

    data: list[TeamAnswer]
    page: PageAnswer


class TeamMemberAnswer(Answer):
    """Somebody in the team."""

    user_id: str
    name: str
    email: str
    role: TeamRole
    added_at: Time


class TeamMembersAnswer(Answer):
    """A page of the team's members."""

    data: list[TeamMemberAnswer]
    page: PageAnswer


class DeletedTeamAnswer(Answer):
    """A team that is no more."""

    team_id: str
    deleted: bool


class RemovedTeamMemberAnswer(Answer):
    """Somebody who is in the team no more."""

    team_id: str
    user_id: str
    removed: bool


@endpoint("GET", TEAMS, scope=Scope.MEMBERS_READ, form=PageForm, answer=TeamsAnswer)
async def list_teams(call: Call[PageForm]) -> Reply:
    """Answer the teams of the organization, oldest first."""
    form = call.form
    listed, total = await call.services.teams.list(
        call.key.org_id, after=form.after_id(TeamId), limit=form.limit + 1
    )
    shown, page = page_of(listed, form, total=Total(total), place=lambda team: str(team.team_id))
    return Reply(TeamsAnswer(data=[_team_answer(team) for team in shown], page=page))


@endpoint(
    "POST",
    TEAMS,
    scope=Scope.TEAMS_MANAGE,
    form=TeamForm,
    answer=TeamAnswer,
    created=True,
    refuses=("missing_parameter", "invalid_parameter", "name_taken", "org_suspended", "overloaded"),
    answer_headers=WRITTEN,
)
async def create_team(call: Call[TeamForm]) -> Reply:
    """Create a team with nobody in it."""
    team, head = await call.services.teams.create(call.context, _name(call.form))
    location = {"location": f"{TEAMS}/{team.team_id}"}
    return Reply(_team_answer(team), 201, location, head=head)


@endpoint("GET", TEAM, scope=Scope.MEMBERS_READ, answer=TeamAnswer, refuses=("not_found",))
async def find_team(call: Call[NoFields]) -> Reply:
    """Answer a team."""
    return Reply(
        _team_answer(await call.services.teams.find(call.key.org_id, team_id_of(call.path)))
    )


@endpoint(
    "PATCH",
    TEAM,
    scope=Scope.TEAMS_MANAGE,
    form=TeamForm,
    answer=TeamAnswer,
    refuses=("missing_parameter", "invalid_parameter", "name_taken", *CHANGE_REFUSALS),
    answer_headers=WRITTEN,
)
async def rename_team(call: Call[TeamForm]) -> Reply:
    """Rename a team."""
    team_id, name = team_id_of(call.path), _name(call.form)
    team, head = await call.services.teams.rename(call.context, team_id, name)
    return Reply(_team_answer(team), head=head)


@endpoint(
    "DELETE",
    TEAM,
    scope=Scope.TEAMS_MANAGE,
    answer=DeletedTeamAnswer,
    refuses=("test_key", *CHANGE_REFUSALS),
    answer_headers=WRITTEN,
)
async def delete_team(call: Call[NoFields]) -> Reply:
    """Delete a team; what it owned is seen by owners and admins only from then on."""
    team_id = team_id_of(call.path)
    refuse_test_key(call, DECIDES_NOT)
    head = await call.services.teams.delete(call.context, team_id)
    return Reply(DeletedTeamAnswer(team_id=str(team_id), deleted=True), head=head)


@endpoint(
    "GET",
    MEMBERS,
    scope=Scope.MEMBERS_READ,
    form=PageForm,
    answer=TeamMembersAnswer,
    refuses=("not_found",),
)
async def list_team_members(call: Call[PageForm]) -> Reply:
    """Answer who is in a team."""
    form, team_id = call.form, team_id_of(call.path)
    listed, total = await call.services.teams.members(
        call.key.org_id, team_id, after=form.after_id(UserId), limit=form.limit + 1
    )
    shown, page = page_of(
        listed, form, total=Total(total), place=lambda member: str(member.user_id)
    )
    return Reply(TeamMembersAnswer(data=[_member_answer(one) for one in shown], page=page))


@endpoint(
    "PUT",
    MEMBER,
    scope=Scope.TEAMS_MANAGE,
    form=TeamMemberForm,
    answer=TeamMemberAnswer,
    refuses=("test_key", *CHANGE_REFUSALS),
    answer_headers=WRITTEN,
)
async def put_team_member(call: Call[TeamMemberForm]) -> Reply:
    """Have a member of the organization in a team, as a member of it or as its lead."""
    team_id, user_id = team_id_of(call.path), user_id_of(call.path)
    role = TeamRole(call.form.role)
    refuse_test_key(call, DECIDES_NOT)
    member, head = await call.services.teams.put_member(call.context, team_id, user_id, role)
    return Reply(_member_answer(member), head=head)


@endpoint(
    "DELETE",
    MEMBER,
    scope=Scope.TEAMS_MANAGE,
    answer=RemovedTeamMemberAnswer,
    refuses=("test_key", *CHANGE_REFUSALS),
    answer_headers=WRITTEN,
)
async def remove_team_member(call: Call[NoFields]) -> Reply:
    """Take somebody out of a team."""
    team_id, user_id = team_id_of(call.path), user_id_of(call.path)
    refuse_test_key(call, DECIDES_NOT)
    head = await call.services.teams.remove_member(call.context, team_id, user_id)
    body = RemovedTeamMemberAnswer(team_id=str(team_id), user_id=str(user_id), removed=True)
    return Reply(body, head=head)


def _team_answer(team: ListedTeam) -> TeamAnswer:
    return TeamAnswer(
        team_id=str(team.team_id), name=team.name, members=team.members, created_at=team.created_at
    )


def _member_answer(member: NamedTeamMember) -> TeamMemberAnswer:
    return TeamMemberAnswer(
        user_id=str(member.user_id),
        name=member.name,
        email=member.email,
        role=member.role,
        added_at=member.added_at,
    )


def _name(form: TeamForm) -> str:
    if form.name is None:
        raise InvalidInput(
            "missing_parameter", "name is missing.", param="name", fix="Send the team's name."
        )
    return form.name
