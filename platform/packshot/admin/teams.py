"""The page of a team: who is in it, who leads it, what it is called, and its end."""

from collections.abc import Sequence
from typing import Annotated, Any

from domain.errors import Refusal
from domain.ids import TeamId, UserId
from domain.roles import allows
from domain.scopes import Scope
from domain.team import NAME_MAX_CHARACTERS, TeamRole
from packshot.admin.shell.answers import Html, Redirect
from packshot.admin.shell.declaring import PageAnswer, Visit, page
from packshot.admin.shell.lists import paging
from packshot.commands.members import NamedMember, Wanted
from packshot.edge.contract import NoFields
from packshot.edge.fields import Label, Word
from packshot.edge.forms import Form, read_form
from packshot.edge.paging import PageForm, Total, page_of
from packshot.edge.path_ids import team_id_of, user_id_of
from packshot.edge.problems import kind_of

TEAM = "/team/teams/{teamId}"
MOST_OFFERED = 8
DONE = {
    "renamed": "The team was renamed.",
    "added": "They are in the team now.",
    "role": "Their role in the team was changed.",
    "removed": "They are in the team no more.",
}


class TeamPageForm(PageForm):
    """Which of its members, whom to look for, and what was just done."""

    q: Annotated[str | None, Label(100)] = None
    done: Annotated[str, Word(tuple(DONE))] | None = None


class NameForm(Form):
    """A new name."""

    name: Annotated[str | None, Label(NAME_MAX_CHARACTERS)] = None


class PlaceForm(Form):
    """What somebody shall be in the team."""

    role: Annotated[str, Word(tuple(TeamRole))] = TeamRole.MEMBER


@page("GET", TEAM, scope=Scope.MEMBERS_READ, form=TeamPageForm)
async def show_team(visit: Visit[TeamPageForm]) -> Html:
    """Show who is in the team, and to who decides about it, whom to add."""
    done = visit.form.done
    return await _page(visit, form=visit.form, done=None if done is None else DONE[done])


@page("POST", TEAM + "/name", scope=Scope.MEMBERS_READ, form=NameForm)
async def rename_team(visit: Visit[NameForm]) -> PageAnswer:
    """Call the team something else."""
    team_id = team_id_of(visit.path)
    try:
        await visit.services.teams.rename(visit.context, team_id, visit.form.name or "")
    except Refusal as refusal:
        return await _page(visit, problem=refusal)
    return Redirect(f"{_path(team_id)}?done=renamed")


@page("POST", TEAM + "/delete", scope=Scope.TEAMS_MANAGE)
async def delete_team(visit: Visit[NoFields]) -> PageAnswer:
    """End the team."""
    await visit.services.teams.delete(visit.context, team_id_of(visit.path))
    return Redirect("/team?done=deleted")


@page("POST", TEAM + "/members/{userId}", scope=Scope.MEMBERS_READ, form=PlaceForm)
async def put_member(visit: Visit[PlaceForm]) -> PageAnswer:
    """Have somebody in the team, or give them another role in it."""
    team_id, user_id = team_id_of(visit.path), user_id_of(visit.path)
    teams, org_id = visit.services.teams, visit.visitor.org_id
    is_there = team_id in await teams.of_member(org_id, user_id)
    try:
        await teams.put_member(visit.context, team_id, user_id, TeamRole(visit.form.role))
    except Refusal as refusal:
        return await _page(visit, problem=refusal)
    return Redirect(f"{_path(team_id)}?done={'role' if is_there else 'added'}")


@page("POST", TEAM + "/members/{userId}/remove", scope=Scope.MEMBERS_READ)
async def remove_member(visit: Visit[NoFields]) -> PageAnswer:
    """Take somebody out of the team."""
    team_id = team_id_of(visit.path)
    try:
        await visit.services.teams.remove_member(visit.context, team_id, user_id_of(visit.path))
    except Refusal as refusal:
        return await _page(visit, problem=refusal)
    return Redirect(f"{_path(team_id)}?done=removed")


async def _page(
    visit: Visit[Any],
    *,
    form: TeamPageForm | None = None,
    problem: Refusal | None = None,
    done: str | None = None,
) -> Html:
    if problem is not None and kind_of(problem.code).status == 404:  # noqa: PLR2004 - a whole page
        raise problem
    form = form or read_form(TeamPageForm, {})
    visitor, teams, team_id = visit.visitor, visit.services.teams, team_id_of(visit.path)
    team = await teams.find(visitor.org_id, team_id)
    listed, total = await teams.members(
        visitor.org_id, team_id, after=form.after_id(UserId), limit=form.limit + 1
    )
    shown, told = page_of(listed, form, total=Total(total), place=lambda one: str(one.user_id))
    own = await teams.roles_in(visitor.org_id, team_id, [visitor.user_id])
    manages = TeamRole.LEAD in own.values() or allows(visitor.role, Scope.TEAMS_MANAGE)
    offered = await _offered(visit, form.q) if manages and form.q else []
    values = {
        "team": team,
        "shown": shown,
        "manages": manages,
        "sought": form.q,
        "offered": offered,
        "inside": await teams.roles_in(
            visitor.org_id, team_id, [member.user_id for member in offered]
        ),
        "problem": problem,
        "done": done,
    } | paging(_path(team_id), told)
    if problem is None:
        return Html("team_one.html", values)
    status = kind_of(problem.code).status
    return Html("team_one.html", values, status=status, headers=dict(problem.headers))


async def _offered(visit: Visit[Any], sought: str) -> Sequence[NamedMember]:
    wanted = Wanted(limit=MOST_OFFERED, matching=sought)
    return (await visit.services.members.list(visit.visitor.org_id, wanted)).members


def _path(team_id: TeamId) -> str:
    return TEAM.format(teamId=team_id)
