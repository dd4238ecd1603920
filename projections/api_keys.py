"""The view of API keys: what a request needs to know of the key it comes with, right at once."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from domain.api_key import ApiKey
from domain.recorded import Happened

if TYPE_CHECKING:
    from asyncpg import Record

    from projections.projection import Connection


class ApiKeysView:
    """One row per key."""

    name = "api_key"
    topics = frozenset({ApiKey.Issued.TOPIC})
    statement = """
        INSERT INTO views.api_key (tenant_id, key_id, kid, mac, pepper_id, name, environment,
                                   scopes, created_at)
        SELECT head.tenant_id, r.key_id, r.kid, decode(r.mac, 'hex'), r.pepper_id, r.name,
               r.environment, r.scopes, r.created_at
        FROM head, json_to_recordset({rows})
             AS r(key_id uuid, kid text, mac text, pepper_id int, name text, environment text,
                  scopes text[], created_at timestamptz)
        ON CONFLICT (tenant_id, key_id) DO UPDATE SET name = excluded.name, scopes = excluded.scopes
    """

    def rows(self, happened: Happened) -> list[Mapping[str, Any]]:
        """The row of a new key."""
        fields = ("kid", "mac", "pepper_id", "name", "environment", "scopes")
        return [
            {"key_id": happened.stream_id, "created_at": happened.at}
            | {field: happened.data[field] for field in fields}
        ]


async def find_key(connection: "Connection", kid: str) -> "Record | None":
    """The key of that kid, whatever its organization, or None.

    The one statement that names no tenant: which tenant it is, is what it finds out.
    """
    return await connection.fetchrow("SELECT * FROM views.find_key($1)", kid)
