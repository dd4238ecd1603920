"""Identities of an outside provider, and journeys to it and back: their rows.

Every statement is for one tenant, the installation's own (``domain.user.INSTALLATION``).
"""

from dataclasses import dataclass, field
from datetime import datetime

import asyncpg

from domain.ids import UserId
from domain.user import INSTALLATION
from packshot.store.claims import Taken
from packshot.store.pool import Connection, DriverConnection

_TENANT = INSTALLATION.uuid


@dataclass(frozen=True, slots=True)
class Linked:
    """An identity that belongs to a person; ``label`` is what they know it by."""

    issuer: str
    subject: str = field(repr=False)
    label: str = field(repr=False)
    linked_at: datetime


@dataclass(frozen=True, slots=True)
class Journey:
    """A journey as it is stored: what it is for, and where it goes on.

    ``link_hash`` is of the invite that is accepted by it; ``act`` what waits for a proof, sealed.
    """

    purpose: str
    user_id: UserId | None
    link_hash: bytes | None = field(repr=False)
    going_on: str
    act: bytes | None = field(repr=False)
    started_at: datetime
    expires_at: datetime


async def add_identity(connection: DriverConnection, user_id: UserId, identity: Linked) -> None:
    """Keep an identity; raises Taken for one that belongs to somebody."""
    try:
        await connection.execute(
            """
            INSERT INTO work.person_identity (tenant_id, issuer, subject, user_id, label, linked_at)
            VALUES ($1, $2, $3, $4, $5, $6)
            """,
            _TENANT,
            identity.issuer,
            identity.subject,
            user_id.uuid,
            identity.label,
            identity.linked_at,
        )
    except asyncpg.UniqueViolationError as violation:
        raise Taken("this identity is taken") from violation


async def find_owner(connection: Connection, *, issuer: str, subject: str) -> UserId | None:
    """The person of that identity, or None."""
    found = await connection.fetchval(
        """
        SELECT user_id FROM work.person_identity
        WHERE tenant_id = $1 AND issuer = $2 AND subject = $3
        """,
        _TENANT,
        issuer,
        subject,
    )
    return None if found is None else UserId(found)


async def list_identities(connection: Connection, user_id: UserId) -> list[Linked]:
    """The identities of a person, oldest first."""
    rows = await connection.fetch(
        """
        SELECT issuer, subject, label, linked_at FROM work.person_identity
        WHERE tenant_id = $1 AND user_id = $2 ORDER BY linked_at
        """,
        _TENANT,
        user_id.uuid,
    )
    return [Linked(row["issuer"], row["subject"], row["label"], row["linked_at"]) for row in rows]


async def remove_identity(connection: DriverConnection, user_id: UserId, *, issuer: str) -> None:
    """Forget who a person is to that provider."""
    await connection.execute(
        "DELETE FROM work.person_identity WHERE tenant_id = $1 AND user_id = $2 AND issuer = $3",
        _TENANT,
        user_id.uuid,
        issuer,
    )


async def add_journey(
    connection: DriverConnection, journey: Journey, *, state_hash: bytes, browser_hash: bytes
) -> None:
    """Keep a journey, and forget those that nobody can end any more."""
    await connection.execute(
        "DELETE FROM work.oidc_journey WHERE tenant_id = $1 AND expires_at <= $2",
        _TENANT,
        journey.started_at,
    )
    await connection.execute(
        """
        INSERT INTO work.oidc_journey (tenant_id, state_hash, browser_hash, purpose, user_id,
                                       link_hash, going_on, act, started_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        """,
        _TENANT,
        state_hash,
        browser_hash,
        journey.purpose,
        None if journey.user_id is None else journey.user_id.uuid,
        journey.link_hash,
        journey.going_on,
        journey.act,
        journey.started_at,
        journey.expires_at,
    )


async def end_journey(
    connection: DriverConnection, *, state_hash: bytes, browser_hash: bytes
) -> Journey | None:
    """Take away the journey that this browser began, whoever is first; None where it did not."""
    row = await connection.fetchrow(
        """
        DELETE FROM work.oidc_journey
        WHERE tenant_id = $1 AND state_hash = $2 AND browser_hash = $3
        RETURNING purpose, user_id, link_hash, going_on, act, started_at, expires_at
        """,
        _TENANT,
        state_hash,
        browser_hash,
    )
    if row is None:
        return None
    user_id = None if row["user_id"] is None else UserId(row["user_id"])
    plain = ("purpose", "link_hash", "going_on", "act", "started_at", "expires_at")
    return Journey(user_id=user_id, **{name: row[name] for name in plain})
