"""Teams of an organization: created, named, filled with its members, led by some, deleted."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from domain.errors import Conflict, Forbidden, NotFound
from domain.ids import OrgId, TeamId, UserId
from domain.recorded import Context
from domain.roles import allows
from domain.scopes import Scope
from domain.team import Team, TeamRole
from domain.user import INSTALLATION
from packshot.commands.members import NOBODY, no_such_member, role_of
from packshot.store import people as rows
from packshot.store.events import EventStore
from packshot.store.head import LogHead
from projections.memberships import find_members
from projections.teams import (
    ListedTeam,
    TeamMember,
    count_teams,
    find_listed_team,
    is_name_taken,
    list_team_members,
    list_teams,
    team_ids_of,
    team_roles,
)

# The head of the log after a change; None where it was so already.
Changed: TypeAlias = LogHead | None


@dataclass(frozen=True, slots=True)
class NamedTeamMember:
    """Somebody in a team, with what people know them by."""

    user_id: UserId
    name: str = field(repr=False)
    email: str = field(repr=False)
    role: TeamRole
    added_at: datetime


@dataclass(frozen=True, slots=True)
class Teams:
    """The use cases of teams.

    Whoever may manage teams decides about all of them; a lead of a team about its name and who is
    in it. Keys are asked for their scope before they come here.
    """

    store: EventStore

    async def list(
        self, org_id: OrgId, *, after: UUID | None, limit: int
    ) -> tuple[Sequence[ListedTeam], int]:
        """The organization's teams, oldest first, and how many there are."""
        async with self.store.pools.reading(org_id) as connection:
            listed = await list_teams(connection, org_id.uuid, after=after, limit=limit)
            return listed, await count_teams(connection, org_id.uuid)

    async def find(self, org_id: OrgId, team_id: TeamId) -> ListedTeam:
        """A team of the organization; raises NotFound."""
        async with self.store.pools.reading(org_id) as connection:
            found = await find_listed_team(connection, org_id.uuid, team_id.uuid)
        if found is None:
            raise no_such_team()
        return found

    async def members(
        self, org_id: OrgId, team_id: TeamId, *, after: UUID | None, limit: int
    ) -> tuple[Sequence[NamedTeamMember], int]:
        """Who is in a team, and how many they are; raises NotFound."""
        team = await self.find(org_id, team_id)
        async with self.store.pools.reading(org_id) as connection:
            members = await list_team_members(
                connection, org_id.uuid, team_id.uuid, after=after, limit=limit
            )
        return await self._named(members), team.members

    async def roles_in(
        self, org_id: OrgId, team_id: TeamId, user_ids: Sequence[UserId]
    ) -> dict[UserId, TeamRole]:
        """What these people are in a team; who is not in it is left out."""
        wanted = [user_id.uuid for user_id in user_ids]
        async with self.store.pools.reading(org_id) as connection:
            return await team_roles(connection, org_id.uuid, team_id.uuid, wanted)

    async def of_member(self, org_id: OrgId, user_id: UserId) -> frozenset[TeamId]:
        """The teams of the organization that somebody is in."""
        async with self.store.pools.reading(org_id) as connection:
            return frozenset(await team_ids_of(connection, org_id.uuid, user_id.uuid))

    async def create(self, context: Context, name: str) -> tuple[ListedTeam, LogHead]:
        """Create a team with nobody in it; raises InvalidInput, Forbidden, and Conflict."""
        team_id = TeamId.new()
        team = Team.create(team_id, name=name)
        async with self.store.alone(context.org_id):
            await self._require_manager(context)
            await self._require_free(context.org_id, team_id, name)
            head = await self.store.save(context, team)
        return _listed(team), head

    async def rename(
        self, context: Context, team_id: TeamId, name: str
    ) -> tuple[ListedTeam, Changed]:
        """Call a team something else; raises NotFound, InvalidInput, Forbidden and Conflict."""
        async with self.store.alone(context.org_id):
            team = await self._deciding(context, team_id)
            team.rename(name)
            await self._require_free(context.org_id, team_id, name)
            head = await self._save(context, team)
        return _listed(team), head

    async def delete(self, context: Context, team_id: TeamId) -> LogHead:
        """End a team; raises NotFound and Forbidden, also for its lead."""
        async with self.store.alone(context.org_id):
            await self._require_manager(context)
            team = await self._load(context.org_id, team_id)
            team.delete()
            return await self.store.save(context, team)

    async def put_member(
        self, context: Context, team_id: TeamId, user_id: UserId, role: TeamRole
    ) -> tuple[NamedTeamMember, Changed]:
        """Have a member of the organization in a team; raises NotFound and Forbidden."""
        async with self.store.alone(context.org_id):
            team = await self._deciding(context, team_id)
            async with self.store.pools.reading(context.org_id) as connection:
                if not await find_members(connection, context.org_id.uuid, [user_id.uuid]):
                    raise no_such_member()
            team.put_member(user_id, role)
            head = await self._save(context, team)
        (member,) = await self._named(
            [TeamMember(user_id, role, team.added_at[str(user_id)] or team.created_on)]
        )
        return member, head

    async def remove_member(self, context: Context, team_id: TeamId, user_id: UserId) -> LogHead:
        """Take somebody out of a team; raises NotFound and Forbidden."""
        async with self.store.alone(context.org_id):
            team = await self._deciding(context, team_id)
            team.remove_member(user_id)
            return await self.store.save(context, team)

    async def may_manage(self, context: Context) -> bool:
        """Whether the actor decides about every team of the organization, as of this moment."""
        if context.actor.kind != "user":
            return True
        return allows(await role_of(self.store, context), Scope.TEAMS_MANAGE)

    async def _named(self, members: Sequence[TeamMember]) -> Sequence[NamedTeamMember]:
        async with self.store.pools.reading(INSTALLATION) as connection:
            known = await rows.find_people(connection, [one.user_id.uuid for one in members])
        return [_named(one, known.get(one.user_id)) for one in members]

    async def _require_manager(self, context: Context) -> None:
        if not await self.may_manage(context):
            raise _forbidden("Only owners and admins create and delete teams.")

    async def _deciding(self, context: Context, team_id: TeamId) -> Team:
        """The team, for an actor who decides about it; raises NotFound and Forbidden."""
        team = await self._load(context.org_id, team_id)
        if not await self.may_manage(context) and not _leads(team, context):
            raise _forbidden("You do not lead this team.")
        return team

    async def _load(self, org_id: OrgId, team_id: TeamId) -> Team:
        try:
            team = await self.store.load(Team, org_id=org_id, stream_id=team_id.uuid)
        except NotFound:
            raise no_such_team() from None
        if team.is_deleted:
            raise no_such_team()
        return team

    async def _save(self, context: Context, team: Team) -> Changed:
        return await self.store.save(context, team) if team.pending_events else None

    async def _require_free(self, org_id: OrgId, team_id: TeamId, name: str) -> None:
        async with self.store.pools.reading(org_id) as connection:
            if await is_name_taken(connection, org_id.uuid, name, but_of=team_id.uuid):
                raise Conflict(
                    "name_taken",
                    "Another team of the organization has this name.",
                    param="name",
                    fix="Choose another name, or use that team.",
                )


def no_such_team() -> NotFound:
    """The refusal of an id that is no team's."""
    return NotFound("not_found", "There is no such team.", fix="Look at the list of teams again.")


def _leads(team: Team, context: Context) -> bool:
    return team.roles.get(context.actor.id) is TeamRole.LEAD


def _forbidden(detail: str) -> Forbidden:
    return Forbidden(
        "scope_missing", detail, fix="Ask an owner or admin of the organization, or a lead."
    )


def _listed(team: Team) -> ListedTeam:
    return ListedTeam(TeamId(team.id), team.name, team.created_on, len(team.roles))


def _named(member: TeamMember, person: rows.Person | None) -> NamedTeamMember:
    return NamedTeamMember(
        user_id=member.user_id,
        name=NOBODY if person is None else person.name,
        email="" if person is None else person.email,
        role=member.role,
        added_at=member.added_at,
    )
