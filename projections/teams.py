"""The views of teams: which there are and who is in them, right at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain.ids import TeamId, UserId
from domain.recorded import Happened
from domain.team import Team, TeamRole

if TYPE_CHECKING:
    from asyncpg import Record

    from projections.projection import Connection


class TeamsView:
    """One row per team, deleted ones included. An append holds one event of a team of these."""

    name = "team"
    topics = frozenset({Team.Created.TOPIC, Team.Renamed.TOPIC, Team.Deleted.TOPIC})
    statement = """
        INSERT INTO views.team (tenant_id, team_id, name, is_deleted, created_at, version)
        SELECT head.tenant_id, r.team_id, r.name, r.is_deleted, r.at, r.version
        FROM head, json_to_recordset({rows})
             AS r(team_id uuid, name text, is_deleted boolean, at timestamptz, version int)
        ON CONFLICT (tenant_id, team_id)
        DO UPDATE SET name = excluded.name, is_deleted = excluded.is_deleted,
                      version = excluded.version
        WHERE team.version < excluded.version
    """

    def rows(self, happened: Happened) -> list[Mapping[str, Any]]:
        """What the event says of its team."""
        return [
            {
                "team_id": happened.stream_id,
                "name": happened.data["name"],
                "is_deleted": happened.type == Team.Deleted.TOPIC,
                "at": happened.at,
                "version": happened.version,
            }
        ]


class TeamMembersView:
    """One row per person who is or was in a team."""

    name = "team_member"
    topics = frozenset(
        {Team.MemberAdded.TOPIC, Team.MemberRoleChanged.TOPIC, Team.MemberRemoved.TOPIC}
    )
    statement = """
        INSERT INTO views.team_member (tenant_id, team_id, user_id, role, is_removed, added_at,
                                       version)
        SELECT head.tenant_id, r.team_id, r.user_id, r.role, r.is_removed, r.at, r.version
        FROM head, json_to_recordset({rows})
             AS r(team_id uuid, user_id uuid, role text, is_removed boolean,
                  at timestamptz, version int)
        ON CONFLICT (tenant_id, team_id, user_id)
        DO UPDATE SET role = excluded.role, is_removed = excluded.is_removed,
                      added_at = CASE WHEN team_member.is_removed THEN excluded.added_at
                                      ELSE team_member.added_at END,
                      version = excluded.version
        WHERE team_member.version < excluded.version
    """

    def rows(self, happened: Happened) -> list[Mapping[str, Any]]:
        """What the event says of somebody in the team."""
        return [
            {
                "team_id": happened.stream_id,
                "user_id": UserId.parse(happened.data["user_id"]).uuid,
                "role": happened.data.get("role", TeamRole.MEMBER),
                "is_removed": happened.type == Team.MemberRemoved.TOPIC,
                "at": happened.at,
                "version": happened.version,
            }
        ]


@dataclass(frozen=True, slots=True)
class ListedTeam:
    """A team as lists tell it; ``members`` counts who is in it, leads included."""

    team_id: TeamId
    name: str
    created_at: datetime
    members: int


@dataclass(frozen=True, slots=True)
class TeamMember:
    """Somebody in a team."""

    user_id: UserId
    role: TeamRole
    added_at: datetime


async def list_teams(
    connection: "Connection",
    tenant_id: UUID,
    *,
    after: UUID | None = None,
    limit: int,
    of_member: UUID | None = None,
) -> list[ListedTeam]:
    """The organization's teams, oldest first; ``of_member``: those that this person is in."""
    rows = await connection.fetch(
        """
        SELECT t.team_id, t.name, t.created_at,
               (SELECT count(*) FROM views.team_member m
                WHERE m.tenant_id = t.tenant_id AND m.team_id = t.team_id
                  AND NOT m.is_removed) AS members
        FROM views.team t
        WHERE t.tenant_id = $1 AND NOT t.is_deleted AND ($2::uuid IS NULL OR t.team_id > $2)
          AND ($4::uuid IS NULL OR EXISTS (
            SELECT FROM views.team_member own
            WHERE own.tenant_id = t.tenant_id AND own.team_id = t.team_id AND own.user_id = $4
              AND NOT own.is_removed))
        ORDER BY t.team_id LIMIT $3
        """,
        tenant_id,
        after,
        limit,
        of_member,
    )
    return [_listed(row) for row in rows]


async def count_teams(connection: "Connection", tenant_id: UUID) -> int:
    """How many teams the organization has."""
    counted: int = await connection.fetchval(
        "SELECT count(*) FROM views.team WHERE tenant_id = $1 AND NOT is_deleted", tenant_id
    )
    return counted


async def is_name_taken(
    connection: "Connection", tenant_id: UUID, name: str, *, but_of: UUID
) -> bool:
    """Whether another team of the organization is called so, in whatever case."""
    found: bool = await connection.fetchval(
        """
        SELECT EXISTS (SELECT FROM views.team WHERE tenant_id = $1 AND NOT is_deleted
                       AND lower(name) = lower($2) AND team_id <> $3)
        """,
        tenant_id,
        name.strip(),
        but_of,
    )
    return found


async def find_listed_team(
    connection: "Connection", tenant_id: UUID, team_id: UUID
) -> ListedTeam | None:
    """That team of the organization, or None when there is none or it was deleted."""
    row = await connection.fetchrow(
        """
        SELECT t.team_id, t.name, t.created_at,
               (SELECT count(*) FROM views.team_member m
                WHERE m.tenant_id = t.tenant_id AND m.team_id = t.team_id
                  AND NOT m.is_removed) AS members
        FROM views.team t WHERE t.tenant_id = $1 AND t.team_id = $2 AND NOT t.is_deleted
        """,
        tenant_id,
        team_id,
    )
    return None if row is None else _listed(row)


async def list_team_members(
    connection: "Connection",
    tenant_id: UUID,
    team_id: UUID,
    *,
    after: UUID | None = None,
    limit: int,
) -> list[TeamMember]:
    """Who is in the team, by their ids, which is who registered first."""
    rows = await connection.fetch(
        """
        SELECT user_id, role, added_at FROM views.team_member
        WHERE tenant_id = $1 AND team_id = $2 AND NOT is_removed
          AND ($3::uuid IS NULL OR user_id > $3)
        ORDER BY user_id LIMIT $4
        """,
        tenant_id,
        team_id,
        after,
        limit,
    )
    return [
        TeamMember(UserId(row["user_id"]), TeamRole(row["role"]), row["added_at"]) for row in rows
    ]


async def team_roles(
    connection: "Connection", tenant_id: UUID, team_id: UUID, user_ids: Sequence[UUID]
) -> dict[UserId, TeamRole]:
    """What these people are in the team; who is not in it is left out."""
    rows = await connection.fetch(
        """
        SELECT user_id, role FROM views.team_member
        WHERE tenant_id = $1 AND team_id = $2 AND user_id = ANY($3) AND NOT is_removed
        """,
        tenant_id,
        team_id,
        user_ids,
    )
    return {UserId(row["user_id"]): TeamRole(row["role"]) for row in rows}


async def team_ids_of(connection: "Connection", tenant_id: UUID, user_id: UUID) -> Sequence[TeamId]:
    """The teams of the organization that a person is in."""
    rows = await connection.fetch(
        """
        SELECT m.team_id FROM views.team_member m
        JOIN views.team t ON t.tenant_id = m.tenant_id AND t.team_id = m.team_id
        WHERE m.tenant_id = $1 AND m.user_id = $2 AND NOT m.is_removed AND NOT t.is_deleted
        ORDER BY m.team_id
        """,
        tenant_id,
        user_id,
    )
    return [TeamId(row["team_id"]) for row in rows]


def _listed(row: "Record") -> ListedTeam:
    return ListedTeam(TeamId(row["team_id"]), row["name"], row["created_at"], row["members"])
