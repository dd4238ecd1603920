"""The view of organizations: what they are called and how they stand, right at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson

from domain.ids import OrgId
from domain.org_limits import OrgLimits
from domain.organization import Organization, Status
from domain.recorded import Happened

if TYPE_CHECKING:
    from asyncpg import Record

    from projections.projection import Connection


class OrganizationsView:
    """One row per organization. An append holds one event of an organization at the most."""

    name = "organization"
    topics = frozenset(
        kind.TOPIC
        for kind in (
            Organization.Created,
            Organization.Renamed,
            Organization.Suspended,
            Organization.Resumed,
            Organization.Limited,
            Organization.Closed,
            Organization.Reopened,
        )
    )
    # What an event does not say stays as it is. The row that was read may be older than the head's
    # lock only if another event of the organization came in between: then this is a conflict.
    statement = """
        INSERT INTO views.organization (tenant_id, version, name, created_at, suspended_for,
                                        suspended_at, final_at, limits)
        SELECT head.tenant_id, r.version, coalesce(r.name, o.name), coalesce(o.created_at, r.at),
               CASE WHEN r.type = 'resumed' THEN NULL ELSE coalesce(r.reason, o.suspended_for) END,
               CASE r.type WHEN 'suspended' THEN r.at WHEN 'resumed' THEN NULL
                           ELSE o.suspended_at END,
               CASE WHEN r.type = 'reopened' THEN NULL ELSE coalesce(r.final_at, o.final_at) END,
               coalesce(r.limits, o.limits)
        FROM head
        CROSS JOIN json_to_recordset({rows})
             AS r(type text, version int, at timestamptz, name text, reason text,
                  final_at timestamptz, limits json)
        LEFT JOIN views.organization o ON o.tenant_id = head.tenant_id
        ON CONFLICT (tenant_id) DO UPDATE
        SET version = excluded.version, name = excluded.name,
            suspended_for = excluded.suspended_for, suspended_at = excluded.suspended_at,
            final_at = excluded.final_at, limits = excluded.limits
        WHERE organization.version < excluded.version
    """

    def rows(self, happened: Happened) -> list[Mapping[str, Any]]:
        """What the event says of its organization."""
        said = ("name", "reason", "final_at", "limits")
        return [
            {
                "type": happened.type.split(".")[1],
                "version": happened.version,
                "at": happened.at,
            }
            | {field: happened.data.get(field) for field in said}
        ]


@dataclass(frozen=True, slots=True)
class Standing:
    """How an organization stands: what shuts it, and how much it may do.

    ``suspended_for`` is the reason of a suspension, ``final_at`` when a closing becomes final.
    """

    suspended_for: str | None
    final_at: datetime | None
    limits: OrgLimits

    @classmethod
    def of(cls, row: "Record") -> "Standing":
        """The standing in a row that has its three columns."""
        limits = row["limits"]
        told = None if limits is None else orjson.loads(limits)
        return cls(row["suspended_for"], row["final_at"], OrgLimits.of(told))

    @property
    def status(self) -> Status:
        """The same in one word."""
        if self.final_at is not None:
            return "closed"
        return "active" if self.suspended_for is None else "suspended"


@dataclass(frozen=True, slots=True)
class KnownOrganization:
    """An organization as its members know it."""

    org_id: OrgId
    name: str
    created_at: datetime
    standing: Standing


async def find_organization(connection: "Connection", tenant_id: UUID) -> KnownOrganization | None:
    """That organization, or None."""
    row = await connection.fetchrow(
        """
        SELECT tenant_id, name, created_at, suspended_for, final_at, limits
        FROM views.organization WHERE tenant_id = $1
        """,
        tenant_id,
    )
    if row is None:
        return None
    return KnownOrganization(
        OrgId(row["tenant_id"]), row["name"], row["created_at"], Standing.of(row)
    )
