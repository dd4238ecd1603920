"""Members and invites as of a position of the log; an ended membership is none."""

from collections.abc import Collection
from typing import TYPE_CHECKING
from uuid import UUID

from domain.ids import InviteId, UserId
from domain.invite import Invite
from domain.membership import Membership
from domain.roles import Role
from projections.memberships import Member, OpenInvite

if TYPE_CHECKING:
    from projections.projection import Connection


async def list_members_at(
    connection: "Connection", tenant_id: UUID, *, at: int, among: Collection[UserId] | None = None
) -> list[Member]:
    """The members there were, oldest first, of these people or (None) of all."""
    rows = await connection.fetch(
        """
        SELECT m.user_id, m.began_at, newest.role FROM views.membership m
        CROSS JOIN LATERAL (
          SELECT type, data ->> 'role' AS role FROM es.event
          WHERE tenant_id = $1 AND stream_id = m.membership_id AND seq <= $2
          ORDER BY version DESC LIMIT 1
        ) newest
        WHERE m.tenant_id = $1 AND newest.type <> $3
          AND ($4::uuid[] IS NULL OR m.user_id = ANY($4))
        ORDER BY m.began_at, m.user_id
        """,
        tenant_id,
        at,
        Membership.Ended.TOPIC,
        None if among is None else [user_id.uuid for user_id in among],
    )
    return [Member(UserId(row["user_id"]), Role(row["role"]), row["began_at"]) for row in rows]


async def list_open_invites_at(
    connection: "Connection", tenant_id: UUID, *, at: int
) -> list[OpenInvite]:
    """The invites that were neither accepted nor withdrawn, newest first."""
    rows = await connection.fetch(
        """
        SELECT i.invite_id, i.role, i.sent_at, i.expires_at, i.sent_by_type, i.sent_by_id
        FROM views.invite i
        CROSS JOIN LATERAL (
          SELECT type FROM es.event
          WHERE tenant_id = $1 AND stream_id = i.invite_id AND seq <= $2
          ORDER BY version DESC LIMIT 1
        ) newest
        WHERE i.tenant_id = $1 AND newest.type = $3
        ORDER BY i.invite_id DESC
        """,
        tenant_id,
        at,
        Invite.Sent.TOPIC,
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
