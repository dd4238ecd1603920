"""The Team page: who belongs to the organization, with which role, and who is invited."""

from typing import Annotated, Any

from domain.errors import Refusal
from domain.ids import InviteId, UserId
from domain.roles import Role, allows, may_appoint
from domain.scopes import Scope
from domain.team import NAME_MAX_CHARACTERS
from packshot.admin.shell.answers import Html, Redirect
from packshot.admin.shell.declaring import PageAnswer, Visit, page
from packshot.admin.shell.lists import address
from packshot.commands.members import MOST_COUNTED, Wanted, no_such_invite, no_such_member
from packshot.commands.people import Invited
from packshot.edge.contract import NoFields
from packshot.edge.fields import Label, Word
from packshot.edge.forms import Form
from packshot.edge.problems import kind_of
from packshot.edge.quantities import WholeNumber

PATH = "/team"
ROWS = 20
MOST_PAGES = 100_000
MOST_TEAMS = 200
# Of a role, what people read before they give it to somebody.
MEANING = {
    Role.OWNER: "Everything, and decides about other owners.",
    Role.ADMIN: "Everything but deciding about owners.",
    Role.MEMBER: "Makes pictures, runs jobs, publishes.",
    Role.VIEWER: "Sees everything, changes nothing.",
}
DONE = {
    "role": "The role was changed.",
    "removed": "The member was removed.",
    "deleted": "The team was deleted.",
    "withdrawn": "The invite was withdrawn; its link does not work any more.",
}


class TeamForm(Form):
    """Which members, and what was just done."""

    page: Annotated[int, WholeNumber(1, MOST_PAGES, example=1)] = 1
    q: Annotated[str | None, Label(100)] = None
    done: Annotated[str, Word(tuple(DONE))] | None = None


class RoleForm(Form):
    """A role to give."""

    role: Annotated[str, Word(tuple(Role))] = Role.MEMBER


class NewTeamForm(Form):
    """What a new team is called."""

    name: Annotated[str | None, Label(NAME_MAX_CHARACTERS)] = None


@page("GET", PATH, scope=Scope.MEMBERS_READ, form=TeamForm)
async def show_team(visit: Visit[TeamForm]) -> Html:
    """Show the members and, to who may invite, the open invites."""
    done = visit.form.done
    return await _team(
        visit,
        number=visit.form.page,
        matching=visit.form.q or "",
        done=None if done is None else DONE[done],
    )


@page("POST", "/team/invites", scope=Scope.MEMBERS_MANAGE, form=RoleForm, needs_proof=True)
async def invite(visit: Visit[RoleForm]) -> PageAnswer:
    """Make a link, and show it this once."""
    try:
        invited = await visit.services.members.invite(visit.context, Role(visit.form.role))
    except Refusal as refusal:
        return await _team(visit, problem=refusal)
    return await _team(visit, invited=invited)


@page("POST", "/team/invites/{inviteId}/withdraw", scope=Scope.MEMBERS_MANAGE)
async def withdraw(visit: Visit[NoFields]) -> PageAnswer:
    """Take an invite back."""
    try:
        invite_id = InviteId.parse(visit.path["inviteId"])
    except ValueError:
        raise no_such_invite() from None
    try:
        await visit.services.members.withdraw(visit.context, invite_id)
    except Refusal as refusal:
        return await _team(visit, problem=refusal)
    return Redirect(f"{PATH}?done=withdrawn")


@page(
    "POST",
    "/team/members/{userId}/role",
    scope=Scope.MEMBERS_MANAGE,
    form=RoleForm,
    needs_proof=True,
)
async def change_role(visit: Visit[RoleForm]) -> PageAnswer:
    """Give a member another role."""
    user_id, role = _user_id(visit), Role(visit.form.role)
    try:
        await visit.services.members.change_role(visit.context, user_id, role)
    except Refusal as refusal:
        return await _team(visit, problem=refusal)
    return Redirect(f"{PATH}?done=role")


@page("POST", "/team/members/{userId}/remove", scope=Scope.MEMBERS_MANAGE, needs_proof=True)
async def remove(visit: Visit[NoFields]) -> PageAnswer:
    """End somebody's membership."""
    user_id = _user_id(visit)
    try:
        await visit.services.members.remove(visit.context, user_id)
    except Refusal as refusal:
        return await _team(visit, problem=refusal)
    return Redirect(f"{PATH}?done=removed")


@page("POST", "/team/teams", scope=Scope.TEAMS_MANAGE, form=NewTeamForm)
async def create_team(visit: Visit[NewTeamForm]) -> PageAnswer:
    """Create a team, and go to it."""
    try:
        team, _ = await visit.services.teams.create(visit.context, visit.form.name or "")
    except Refusal as refusal:
        return await _team(visit, problem=refusal)
    return Redirect(f"/team/teams/{team.team_id}")


@page("POST", "/team/leave", is_kept_open=True)
async def leave(visit: Visit[NoFields]) -> PageAnswer:
    """End one's own membership; what is looked at then is another organization, or nothing."""
    try:
        await visit.services.members.leave(visit.context, visit.visitor.user_id)
    except Refusal as refusal:
        return await _team(visit, problem=refusal)
    return Redirect("/")


async def _team(
    visit: Visit[Any],
    *,
    number: int = 1,
    matching: str = "",
    problem: Refusal | None = None,
    invited: Invited | None = None,
    done: str | None = None,
) -> Html:
    if problem is not None and kind_of(problem.code).status == 404:  # noqa: PLR2004 - a whole page
        raise problem
    visitor, members = visit.visitor, visit.services.members
    wanted = Wanted(limit=ROWS, skip=(number - 1) * ROWS, matching=matching)
    listed = await members.list(visitor.org_id, wanted)
    teams, team_count = await visit.services.teams.list(
        visitor.org_id, after=None, limit=MOST_TEAMS
    )
    roles = [role for role in Role if may_appoint(visitor.role, role)]
    may_manage = allows(visitor.role, Scope.MEMBERS_MANAGE)
    values = {
        "shown": listed.members,
        "pages": _pager(listed.total, number, matching),
        "matching": matching,
        "teams": teams,
        "team_count": team_count,
        "own_teams": await visit.services.teams.of_member(visitor.org_id, visitor.user_id),
        "invites": await members.invites(visitor.org_id) if may_manage else [],
        "roles": roles,
        "meaning": MEANING,
        "problem": problem,
        "done": done,
        "invited": invited,
        "invited_as": visit.form.role if invited is not None else None,
        "link": None if invited is None else f"{_our_address(visit)}/join/{invited.secret}",
    }
    if problem is None:
        return Html("team.html", values)
    return Html(
        "team.html", values, status=kind_of(problem.code).status, headers=dict(problem.headers)
    )


def _pager(total: int, number: int, matching: str) -> dict[str, Any]:
    first, last = (number - 1) * ROWS + 1, min(number * ROWS, total)
    is_there = first <= last
    return {
        "first": first if is_there else 0,
        "last": last if is_there else 0,
        "total": total,
        "previous": address(PATH, q=matching, page=str(number - 1)) if number > 1 else None,
        "next": address(PATH, q=matching, page=str(number + 1)) if number * ROWS < total else None,
        "is_lower_bound": total > MOST_COUNTED and bool(matching),
    }


def _our_address(visit: Visit[Any]) -> str:
    """Where the browser found us, which its Origin says and the gate of pages has checked."""
    return visit.request.headers.get("origin") or f"{visit.request.scheme}://{visit.request.host}"


def _user_id(visit: Visit[Any]) -> UserId:
    try:
        return UserId.parse(visit.path["userId"])
    except ValueError:
        raise no_such_member() from None
