"""The views of API keys: what a request needs to know of its key, and lists, right at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain.access import Access, Person, access
from domain.api_key import ApiKey
from domain.ids import Id, KeyId, OrgId, TeamId, UserId
from domain.key_end import next_notice, notice_after
from domain.key_limit import RateLimit
from domain.recorded import Happened
from domain.roles import Role
from domain.scopes import Scope

if TYPE_CHECKING:
    import asyncpg
    from asyncpg import Record

    from projections.projection import Connection


class ApiKeysView:
    """One row per key: how it stands. An append holds one event of a key at the most."""

    name = "api_key"
    topics = frozenset(
        kind.TOPIC
        for kind in (
            ApiKey.Issued,
            ApiKey.Adopted,
            ApiKey.Renamed,
            ApiKey.Rescoped,
            ApiKey.Rescheduled,
            ApiKey.Confined,
            ApiKey.Limited,
            ApiKey.Expiring,
            ApiKey.Expired,
            ApiKey.Rotated,
            ApiKey.Revoked,
        )
    )
    # What an event does not say stays as it is. The row that was read may be older than the head's
    # lock only if another event of the key came in between, and then this append is a conflict.
    statement = """
        INSERT INTO views.api_key (tenant_id, key_id, version, kid, name, environment, scopes,
                                   created_at, created_by_type, created_by_id, responsible_id,
                                   team_id, allowed_cidrs, rate_limit, rate_window_s, expires_at,
                                   next_notice_at, former_until, revoked_at, revoked_reason)
        SELECT head.tenant_id, r.key_id, r.version, coalesce(r.kid, k.kid),
               coalesce(r.name, k.name), coalesce(r.environment, k.environment),
               coalesce(r.scopes, k.scopes), coalesce(k.created_at, r.at),
               coalesce(k.created_by_type, r.actor_type), coalesce(k.created_by_id, r.actor_id),
               coalesce(r.responsible_id, k.responsible_id, maker.responsible_id),
               coalesce(k.team_id, r.team_id),
               coalesce(r.allowed_cidrs, k.allowed_cidrs, '{{}}'),
               CASE WHEN r.tells_limit THEN r.rate_limit ELSE k.rate_limit END,
               CASE WHEN r.tells_limit THEN r.rate_window_s ELSE k.rate_window_s END,
               CASE WHEN r.tells_end THEN r.expires_at ELSE k.expires_at END,
               CASE WHEN r.tells_notice THEN r.next_notice_at ELSE k.next_notice_at END,
               coalesce(r.former_until, k.former_until),
               coalesce(r.revoked_at, k.revoked_at), coalesce(r.reason, k.revoked_reason)
        FROM head
        CROSS JOIN json_to_recordset({rows})
             AS r(key_id uuid, version int, at timestamptz, actor_type text, actor_id text,
                  kid text, name text, environment text, scopes text[], expires_at timestamptz,
                  former_until timestamptz, revoked_at timestamptz, reason text,
                  responsible_id uuid, team_id uuid, maker_id uuid, allowed_cidrs text[],
                  tells_limit boolean, rate_limit int, rate_window_s int, tells_end boolean,
                  tells_notice boolean, next_notice_at timestamptz)
        LEFT JOIN views.api_key k ON k.tenant_id = head.tenant_id AND k.key_id = r.key_id
        LEFT JOIN views.api_key maker ON maker.tenant_id = head.tenant_id
                                     AND maker.key_id = r.maker_id
        ON CONFLICT (tenant_id, key_id) DO UPDATE
        SET version = excluded.version, kid = excluded.kid, name = excluded.name,
            scopes = excluded.scopes, allowed_cidrs = excluded.allowed_cidrs,
            rate_limit = excluded.rate_limit, rate_window_s = excluded.rate_window_s,
            expires_at = excluded.expires_at, next_notice_at = excluded.next_notice_at,
            former_until = excluded.former_until, revoked_at = excluded.revoked_at,
            revoked_reason = excluded.revoked_reason, responsible_id = excluded.responsible_id
        WHERE api_key.version < excluded.version
    """

    def rows(self, happened: Happened) -> list[Mapping[str, Any]]:
        """What the event says of its key."""
        said = ("kid", "name", "environment", "scopes", "allowed_cidrs", "former_until", "reason")
        actor = happened.meta["actor"]
        is_end = happened.type == ApiKey.Revoked.TOPIC
        return [
            {
                "key_id": happened.stream_id,
                "version": happened.version,
                "at": happened.at,
                "actor_type": actor["type"],
                "actor_id": actor["id"],
                "revoked_at": happened.at if is_end else None,
                "team_id": _uuid(TeamId, happened.data.get("team_id")),
            }
            | _responsible(happened)
            | _limit(happened)
            | _end(happened)
            | {field: happened.data.get(field) for field in said}
        ]


def _responsible(happened: Happened) -> dict[str, Any]:
    """Who answers for the key, where the event says so.

    A key from before that was recorded: who made it, or who answered for the key that made it.
    """
    said, actor = happened.data, happened.meta["actor"]
    if "responsible_id" in said:
        return {"responsible_id": _uuid(UserId, said["responsible_id"])}
    if happened.type != ApiKey.Issued.TOPIC:
        return {}
    return {
        "responsible_id": _uuid(UserId, actor["id"]),
        "maker_id": _uuid(KeyId, actor["id"]),
    }


def _limit(happened: Happened) -> dict[str, Any]:
    if happened.type not in {ApiKey.Issued.TOPIC, ApiKey.Limited.TOPIC}:
        return {}
    told = happened.data.get("rate_limit") or {}
    limit, window_s = told.get("limit"), told.get("window_s")
    return {"tells_limit": True, "rate_limit": limit, "rate_window_s": window_s}


def _end(happened: Happened) -> dict[str, Any]:
    """When the key ends, where the event moves that, and when that is next to be told."""
    if happened.type in {ApiKey.Expired.TOPIC, ApiKey.Revoked.TOPIC}:
        return {"tells_notice": True, "next_notice_at": None}
    text = happened.data.get("expires_at")
    ends = None if text is None else datetime.fromisoformat(text)
    if happened.type == ApiKey.Expiring.TOPIC and ends is not None:
        notice_at = notice_after(ends, happened.data["days_left"])
        return {"tells_notice": True, "next_notice_at": notice_at}
    if happened.type in {ApiKey.Issued.TOPIC, ApiKey.Rescheduled.TOPIC}:
        notice_at = next_notice(ends, after=happened.at)
        told = {"tells_end": True, "expires_at": ends}
        return told | {"tells_notice": True, "next_notice_at": notice_at}
    return {}


def _uuid(kind: type[Id], text: str | None) -> UUID | None:
    """The uuid of an id of that kind; None for a text that is none."""
    try:
        return None if text is None else kind.parse(text).uuid
    except ValueError:
        return None


class ApiKeySecretsView:
    """One row per secret that a key has had; rows are added and never changed."""

    name = "api_key_secret"
    topics = frozenset({ApiKey.Issued.TOPIC, ApiKey.Rotated.TOPIC})
    statement = """
        INSERT INTO views.api_key_secret (tenant_id, key_id, version, kid, mac, pepper_id,
                                          former_until)
        SELECT head.tenant_id, r.key_id, r.version, r.kid, decode(r.mac, 'hex'), r.pepper_id,
               r.former_until
        FROM head, json_to_recordset({rows})
             AS r(key_id uuid, version int, kid text, mac text, pepper_id int,
                  former_until timestamptz)
        ON CONFLICT (tenant_id, key_id, version) DO NOTHING
    """

    def rows(self, happened: Happened) -> list[Mapping[str, Any]]:
        """The row of a new secret."""
        said = ("kid", "mac", "pepper_id", "former_until")
        return [
            {"key_id": happened.stream_id, "version": happened.version}
            | {field: happened.data.get(field) for field in said}
        ]


@dataclass(frozen=True, slots=True)
class ListedKey:
    """A key as lists tell it, without any secret.

    ``created_by_name`` is what people call the key that made it, where a key did; ``responsible``
    answers for it today, None for a key of the organization's own. People's names lie beside the
    log and are filled in by who has them. ``former_until`` is until when a secret before the newest
    may work; the ``last_used_…`` are what API processes have told so far, None for a key that was
    never used.
    """

    key_id: KeyId
    kid: str
    name: str
    environment: str
    scopes: list[str]
    created_at: datetime
    created_by_type: str
    created_by_id: str
    created_by_name: str | None
    responsible: Person | None
    responsible_name: str | None
    team_id: TeamId | None
    allowed_cidrs: list[str]
    rate_limit: RateLimit | None
    expires_at: datetime | None
    former_until: datetime | None
    revoked_at: datetime | None
    revoked_reason: str | None
    last_used_at: datetime | None
    last_used_address: str | None
    last_used_endpoint: str | None

    @property
    def access(self) -> Access:
        """What the key may do today."""
        return access([Scope(scope) for scope in self.scopes], self.responsible,
                      team_id=self.team_id)  # fmt: skip

    @property
    def is_adoptable(self) -> bool:
        """Whether who answered for it has left, so that somebody else is to."""
        return self.responsible is not None and self.responsible.has_left


async def find_key(connection: "Connection", kid: str) -> "Record | None":
    """The key of that kid with how its organization stands, whatever that is, or None.

    ``secret_until`` is until when this secret of it works, None while no other came after it. The
    one statement that names no tenant: which tenant it is, is what it finds out.
    """
    return await connection.fetchrow(
        """
        SELECT k.*, o.suspended_for, o.final_at, o.limits
        FROM views.find_key($1) k CROSS JOIN LATERAL views.find_standing(k.tenant_id) o
        """,
        kid,
    )


def responsible_of(row: "Record") -> Person | None:
    """Who answers for the key of a row, with the role of today; None for nobody."""
    if row["responsible_id"] is None:
        return None
    role = row["responsible_role"]
    return Person(UserId(row["responsible_id"]), None if role is None else Role(role))


def rate_limit_of(row: "Record") -> RateLimit | None:
    """The limit of the key of a row; None for no limit of its own."""
    limit = row["rate_limit"]
    return None if limit is None else RateLimit(limit, row["rate_window_s"])


async def find_responsible(connection: "Connection", tenant_id: UUID, key_id: str) -> Person | None:
    """Who answers for the key of that public id; None for nobody."""
    row = await connection.fetchrow(
        """
        SELECT k.responsible_id, m.role AS responsible_role FROM views.api_key k
        LEFT JOIN views.membership m
          ON m.tenant_id = k.tenant_id AND m.user_id = k.responsible_id AND NOT m.is_ended
        WHERE k.tenant_id = $1 AND k.key_id = $2
        """,
        tenant_id,
        _uuid(KeyId, key_id),
    )
    return None if row is None else responsible_of(row)


async def due_notices(
    connection: "asyncpg.Connection[Record]", at: datetime, *, limit: int
) -> list[tuple[OrgId, KeyId]]:
    """The keys of whose end something is due to be told at that time, in every open log."""
    rows = await connection.fetch(
        """
        SELECT k.tenant_id, k.key_id FROM views.api_key k
        JOIN es.tenant_head h ON h.tenant_id = k.tenant_id AND h.open
        WHERE k.next_notice_at <= $1 ORDER BY k.next_notice_at LIMIT $2
        """,
        at,
        limit,
    )
    return [(OrgId(row["tenant_id"]), KeyId(row["key_id"])) for row in rows]


async def list_keys(
    connection: "Connection",
    tenant_id: UUID,
    *,
    before: UUID | None,
    limit: int,
    matching: str = "",
) -> list[ListedKey]:
    """The organization's keys, newest first; ``before`` is the last one already told.

    ``matching`` is a part of their name or of their prefix, in whatever case.
    """
    rows = await connection.fetch(
        """
        SELECT k.*, m.role AS responsible_role, u.last_used_at, u.address AS last_used_address,
               u.endpoint AS last_used_endpoint
        FROM views.api_key k
        LEFT JOIN views.membership m
          ON m.tenant_id = k.tenant_id AND m.user_id = k.responsible_id AND NOT m.is_ended
        LEFT JOIN work.key_use u ON u.tenant_id = k.tenant_id AND u.key_id = k.key_id
        WHERE k.tenant_id = $1 AND ($2::uuid IS NULL OR k.key_id < $2)
          AND strpos(lower(k.name || ' pshot_' || k.environment || '_' || k.kid), lower($4)) > 0
        ORDER BY k.key_id DESC LIMIT $3
        """,
        tenant_id,
        before,
        limit,
        matching,
    )
    return await _told(connection, tenant_id, rows)


async def find_listed(
    connection: "Connection", tenant_id: UUID, *, key_id: UUID
) -> ListedKey | None:
    """That key of the organization, or None."""
    rows = await connection.fetch(
        """
        SELECT k.*, m.role AS responsible_role, u.last_used_at, u.address AS last_used_address,
               u.endpoint AS last_used_endpoint
        FROM views.api_key k
        LEFT JOIN views.membership m
          ON m.tenant_id = k.tenant_id AND m.user_id = k.responsible_id AND NOT m.is_ended
        LEFT JOIN work.key_use u ON u.tenant_id = k.tenant_id AND u.key_id = k.key_id
        WHERE k.tenant_id = $1 AND k.key_id = $2
        """,
        tenant_id,
        key_id,
    )
    return next(iter(await _told(connection, tenant_id, rows)), None)


async def count_keys(connection: "Connection", tenant_id: UUID, *, matching: str = "") -> int:
    """How many keys the organization has had, of those that match as ``list_keys`` says."""
    counted: int = await connection.fetchval(
        """
        SELECT count(*) FROM views.api_key k
        WHERE k.tenant_id = $1
          AND strpos(lower(k.name || ' pshot_' || k.environment || '_' || k.kid), lower($2)) > 0
        """,
        tenant_id,
        matching,
    )
    return counted


async def key_names(
    connection: "Connection", tenant_id: UUID, public_ids: set[str]
) -> dict[str, str]:
    """What those of the organization's keys are called; texts that are no key's id name none."""
    key_ids = [uuid for text in public_ids if (uuid := _uuid(KeyId, text)) is not None]
    if not key_ids:
        return {}
    named = await connection.fetch(
        "SELECT key_id, name FROM views.api_key WHERE tenant_id = $1 AND key_id = ANY($2)",
        tenant_id,
        key_ids,
    )
    return {str(KeyId(row["key_id"])): row["name"] for row in named}


async def _told(connection: "Connection", tenant_id: UUID, rows: "list[Record]") -> list[ListedKey]:
    makers = {row["created_by_id"] for row in rows if row["created_by_type"] == "key"}
    names = await key_names(connection, tenant_id, makers)
    plain = (
        "kid", "name", "environment", "scopes", "created_at", "created_by_type", "created_by_id",
        "allowed_cidrs", "expires_at", "former_until", "revoked_at", "revoked_reason",
        "last_used_at", "last_used_address", "last_used_endpoint",
    )  # fmt: skip
    return [
        ListedKey(
            key_id=KeyId(row["key_id"]),
            created_by_name=names.get(row["created_by_id"]),
            responsible=responsible_of(row),
            responsible_name=None,
            team_id=None if row["team_id"] is None else TeamId(row["team_id"]),
            rate_limit=rate_limit_of(row),
            **{name: row[name] for name in plain},
        )
        for row in rows
    ]
