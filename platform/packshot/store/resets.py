"""Links that reset a password once: the rows of their hashes.

Every statement is for one tenant, the installation's own (``domain.user.INSTALLATION``).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from domain.ids import OrgId, UserId
from domain.user import INSTALLATION
from packshot.store.pool import Connection, DriverConnection

_TENANT = INSTALLATION.uuid


@dataclass(frozen=True, slots=True)
class ResetLink:
    """A link as it is stored; ``org_id`` is whose owner or admin made it, None for nobody's."""

    user_id: UserId
    org_id: OrgId | None
    expires_at: datetime


async def add_reset(connection: DriverConnection, reset_hash: bytes, link: ResetLink) -> None:
    """Keep a link."""
    await connection.execute(
        """
        INSERT INTO work.reset (tenant_id, reset_hash, user_id, org_id, expires_at)
        VALUES ($1, $2, $3, $4, $5)
        """,
        _TENANT,
        reset_hash,
        link.user_id.uuid,
        None if link.org_id is None else link.org_id.uuid,
        link.expires_at,
    )


async def find_reset(connection: Connection, reset_hash: bytes) -> ResetLink | None:
    """The link of that hash, or None."""
    row = await connection.fetchrow(
        """
        SELECT user_id, org_id, expires_at FROM work.reset
        WHERE tenant_id = $1 AND reset_hash = $2
        """,
        _TENANT,
        reset_hash,
    )
    if row is None:
        return None
    org_id = None if row["org_id"] is None else OrgId(row["org_id"])
    return ResetLink(UserId(row["user_id"]), org_id, row["expires_at"])


async def use_reset(connection: DriverConnection, reset_hash: bytes) -> bool:
    """Take a link away, whoever is first; False when it was used already."""
    done = await connection.execute(
        "DELETE FROM work.reset WHERE tenant_id = $1 AND reset_hash = $2", _TENANT, reset_hash
    )
    return done == "DELETE 1"


async def forget_resets_of(connection: DriverConnection, user_id: UserId) -> None:
    """Take away every link of a person."""
    await connection.execute(
        "DELETE FROM work.reset WHERE tenant_id = $1 AND user_id = $2", _TENANT, user_id.uuid
    )


async def withdraw_resets(
    connection: DriverConnection, org_ids: Collection[OrgId], *, user_id: UserId | None = None
) -> None:
    """Take away the links that owners and admins of these organizations made, for one or for all.

    Not those that are over: whoever is taking them away may wait for the log that the caller holds.
    """
    await connection.execute(
        """
        DELETE FROM work.reset
        WHERE tenant_id = $1 AND org_id = ANY($2) AND ($3::uuid IS NULL OR user_id = $3)
          AND expires_at > clock_timestamp()
        """,
        _TENANT,
        [org_id.uuid for org_id in org_ids],
        None if user_id is None else user_id.uuid,
    )


async def forget_old_resets(connection: DriverConnection, *, expired_by: datetime) -> None:
    """Take away the links that nobody can use any more."""
    await connection.execute(
        "DELETE FROM work.reset WHERE tenant_id = $1 AND expires_at <= $2", _TENANT, expired_by
    )
