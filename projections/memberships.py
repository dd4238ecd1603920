"""The views of memberships and invites: who belongs to an organization, right at once."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain.ids import InviteId, OrgId, UserId
from domain.invite import Invite
from domain.membership import Membership
from domain.recorded import Happened
from domain.roles import Role
from projections.organizations import Standing

if TYPE_CHECKING:
    from asyncpg import Record

    from projections.projection import Connection


class MembershipsView:
    """One row per membership, ended ones included."""

    name = "membership"
    topics = frozenset(
        {Membership.Begun.TOPIC, Membership.RoleChanged.TOPIC, Membership.Ended.TOPIC}
    )
    statement = """
        INSERT INTO views.membership (tenant_id, membership_id, user_id, role, is_ended, began_at,
                                      version)
        SELECT DISTINCT ON (r.membership_id) head.tenant_id, r.membership_id, r.user_id,
               r.role, r.is_ended, r.at, r.version
        FROM head, json_to_recordset({rows})
             AS r(membership_id uuid, user_id uuid, role text, is_ended boolean, at timestamptz,
                  version int)
        ORDER BY r.membership_id, r.version DESC
        ON CONFLICT (tenant_id, membership_id)
        DO UPDATE SET role = excluded.role, is_ended = excluded.is_ended,
                      version = excluded.version
        WHERE membership.version < excluded.version
    """

    def rows(self, happened: Happened) -> list[Mapping[str, Any]]:
        """What the event says of its membership."""
        return [
            {
                "membership_id": happened.stream_id,
                "user_id": UserId.parse(happened.data["user_id"]).uuid,
                "role": happened.data["role"],
                "is_ended": happened.type == Membership.Ended.TOPIC,
                "at": happened.at,
                "version": happened.version,
            }
        ]


STATUS_OF = {
    Invite.Sent.TOPIC: "open",
    Invite.Accepted.TOPIC: "accepted",
    Invite.Withdrawn.TOPIC: "withdrawn",
}


class InvitesView:
    """One row per invite."""

    name = "invite"
    topics = frozenset(STATUS_OF)
    statement = """
        INSERT INTO views.invite (tenant_id, invite_id, role, status, sent_at, expires_at, version,
                                  sent_by_type, sent_by_id)
        SELECT DISTINCT ON (r.invite_id) head.tenant_id, r.invite_id, coalesce(r.role, ''),
               r.status, r.at, coalesce(r.expires_at, r.at), r.version, r.actor_type, r.actor_id
        FROM head, json_to_recordset({rows})
             AS r(invite_id uuid, role text, status text, at timestamptz, expires_at timestamptz,
                  version int, actor_type text, actor_id text)
        ORDER BY r.invite_id, r.version DESC
        ON CONFLICT (tenant_id, invite_id)
        DO UPDATE SET status = excluded.status, version = excluded.version
        WHERE invite.version < excluded.version
    """

    def rows(self, happened: Happened) -> list[Mapping[str, Any]]:
        """What the event says of its invite."""
        actor = happened.meta["actor"]
        return [
            {
                "invite_id": happened.stream_id,
                "role": happened.data.get("role"),
                "status": STATUS_OF[happened.type],
                "at": happened.at,
                "expires_at": happened.data.get("expires_at"),
                "version": happened.version,
                "actor_type": actor["type"],
                "actor_id": actor["id"],
            }
        ]


@dataclass(frozen=True, slots=True)
class Place:
    """An organization that a person belongs to, the role there, and how it stands."""

    org_id: OrgId
    org_name: str
    role: Role
    standing: Standing


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an organization."""

    user_id: UserId
    role: Role
    began_at: datetime


@dataclass(frozen=True, slots=True)
class OpenInvite:
    """An invite that nobody has accepted yet; it may have expired."""

    invite_id: InviteId
    role: Role
    sent_at: datetime
    expires_at: datetime
    sent_by_type: str
    sent_by_id: str


async def find_places(connection: "Connection", user_id: UserId) -> list[Place]:
    """Where a person belongs to, oldest membership first, but for what is closed.

    It names no tenant: which they are, is what it finds out.
    """
    rows = await connection.fetch(
        """
        SELECT m.tenant_id, m.org_name, m.role, o.suspended_for, o.final_at, o.limits
        FROM views.find_memberships($1) m CROSS JOIN LATERAL views.find_standing(m.tenant_id) o
        """,
        user_id.uuid,
    )
    places = [
        Place(OrgId(row["tenant_id"]), row["org_name"], Role(row["role"]), Standing.of(row))
        for row in rows
    ]
    return [place for place in places if place.standing.status != "closed"]


async def list_members(
    connection: "Connection",
    tenant_id: UUID,
    *,
    after: UUID | None = None,
    skip: int = 0,
    limit: int,
) -> list[Member]:
    """The members of that organization, oldest first.

    ``after`` is the last one already told, a member or one who has left since; ``skip`` leaves out
    that many of those who follow.
    """
    rows = await connection.fetch(
        """
        SELECT user_id, role, began_at FROM views.membership
        WHERE tenant_id = $1 AND NOT is_ended
          AND ($2::uuid IS NULL OR (began_at, user_id) > (
            SELECT began_at, user_id FROM views.membership WHERE tenant_id = $1 AND user_id = $2))
        ORDER BY began_at, user_id OFFSET $3 LIMIT $4
        """,
        tenant_id,
        after,
        skip,
        limit,
    )
    return [_member(row) for row in rows]


async def search_members(
    connection: "Connection",
    tenant_id: UUID,
    matching: str,
    *,
    after: UUID | None = None,
    skip: int = 0,
    limit: int,
) -> list[Member]:
    """The same of those whose name or address holds that text, in whatever case."""
    rows = await connection.fetch(
        """
        SELECT user_id, role, began_at FROM views.find_members($5)
        WHERE $2::uuid IS NULL OR (began_at, user_id) > (
          SELECT began_at, user_id FROM views.membership WHERE tenant_id = $1 AND user_id = $2)
        ORDER BY began_at, user_id OFFSET $3 LIMIT $4
        """,
        tenant_id,
        after,
        skip,
        limit,
        matching,
    )
    return [_member(row) for row in rows]


async def count_members(connection: "Connection", tenant_id: UUID) -> int:
    """How many members the organization has."""
    counted: int = await connection.fetchval(
        "SELECT count(*) FROM views.membership WHERE tenant_id = $1 AND NOT is_ended", tenant_id
    )
    return counted


async def count_found(connection: "Connection", matching: str, *, at_most: int) -> int:
    """How many members of the connection's tenant_id ``search_members`` finds, to a bound."""
    counted: int = await connection.fetchval(
        "SELECT count(*) FROM (SELECT FROM views.find_members($1) LIMIT $2) AS of_tenant_id",
        matching,
        at_most,
    )
    return counted


async def find_members(
    connection: "Connection", tenant_id: UUID, user_ids: Collection[UUID]
) -> dict[UserId, Member]:
    """Those of these people who are members of the organization."""
    rows = await connection.fetch(
        """
        SELECT user_id, role, began_at FROM views.membership
        WHERE tenant_id = $1 AND user_id = ANY($2) AND NOT is_ended
        """,
        tenant_id,
        user_ids,
    )
    return {member.user_id: member for member in map(_member, rows)}


async def list_owners(connection: "Connection", tenant_id: UUID) -> list[UserId]:
    """Owners of the organization, two at the most: enough to know whether one is left."""
    rows = await connection.fetch(
        """
        SELECT user_id FROM views.membership
        WHERE tenant_id = $1 AND role = 'owner' AND NOT is_ended LIMIT 2
        """,
        tenant_id,
    )
    return [UserId(row["user_id"]) for row in rows]


def _member(row: "Record") -> Member:
    return Member(UserId(row["user_id"]), Role(row["role"]), row["began_at"])


async def find_role(connection: "Connection", tenant_id: UUID, user_id: UserId) -> Role | None:
    """The role of a person in that organization; None for somebody who is no member."""
    role = await connection.fetchval(
        """
        SELECT role FROM views.membership
        WHERE tenant_id = $1 AND user_id = $2 AND NOT is_ended
        """,
        tenant_id,
        user_id.uuid,
    )
    return None if role is None else Role(role)


async def list_open_invites(connection: "Connection", tenant_id: UUID) -> list[OpenInvite]:
    """The invites of that organization that were neither accepted nor withdrawn, newest first."""
    rows = await connection.fetch(
        """
        SELECT invite_id, role, sent_at, expires_at, sent_by_type, sent_by_id FROM views.invite
        WHERE tenant_id = $1 AND status = 'open' ORDER BY invite_id DESC
        """,
        tenant_id,
    )
    plain = ("sent_at", "expires_at", "sent_by_type", "sent_by_id")
    return [
        OpenInvite(
            invite_id=InviteId(row["invite_id"]),
            role=Role(row["role"]),
            **{name: row[name] for name in plain},
        )
        for row in rows
    ]
