"""The view of organizations: their names, right at once."""

from collections.abc import Mapping
from typing import Any

from domain.organization import Organization
from domain.recorded import Happened


class OrganizationsView:
    """One row per organization."""

    name = "organization"
    topics = frozenset({Organization.Created.TOPIC})
    statement = """
        INSERT INTO views.organization (tenant_id, name, created_at)
        SELECT head.tenant_id, r.name, r.created_at
        FROM head, json_to_recordset({rows}) AS r(name text, created_at timestamptz)
        ON CONFLICT (tenant_id) DO UPDATE SET name = excluded.name
    """

    def rows(self, happened: Happened) -> list[Mapping[str, Any]]:
        """The row of a new organization."""
        return [{"name": happened.data["name"], "created_at": happened.at}]
