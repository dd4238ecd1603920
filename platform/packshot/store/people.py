"""People and their one-time links: the rows beside the log that may be erased.

Every statement is for one tenant, the installation's own (``domain.user.INSTALLATION``).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import asyncpg

from domain.ids import InviteId, OrgId, UserId
from domain.user import INSTALLATION
from packshot.store.claims import Taken
from packshot.store.pool import Connection, DriverConnection

_TENANT = INSTALLATION.uuid


@dataclass(frozen=True, slots=True)
class Person:
    """A person; ``password_hash`` is None before the first password.

    ``disabled_at`` is when somebody was kept out, None for everybody else.
    """

    user_id: UserId
    email: str = field(repr=False)
    name: str = field(repr=False)
    password_hash: str | None = field(repr=False)
    disabled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A one-time link as it is stored."""

    org_id: OrgId
    invite_id: InviteId
    expires_at: datetime


async def add_person(connection: DriverConnection, person: Person, *, at: datetime) -> None:
    """Keep a new person; raises Taken for an address that another one has."""
    try:
        await connection.execute(
            """
            INSERT INTO work.person (tenant_id, user_id, email, name, password_hash, created_at)
            VALUES ($1, $2, $3, $4, $5, $6)
            """,
            _TENANT,
            person.user_id.uuid,
            person.email,
            person.name,
            person.password_hash,
            at,
        )
    except asyncpg.UniqueViolationError as violation:
        raise Taken("this address is taken") from violation


async def set_password(connection: DriverConnection, user_id: UserId, password_hash: str) -> None:
    """Keep a person's new password hash."""
    await connection.execute(
        "UPDATE work.person SET password_hash = $3 WHERE tenant_id = $1 AND user_id = $2",
        _TENANT,
        user_id.uuid,
        password_hash,
    )


async def set_disabled(
    connection: DriverConnection, user_id: UserId, *, at: datetime | None
) -> None:
    """Keep a person out from that time on, or with None let them in again."""
    await connection.execute(
        "UPDATE work.person SET disabled_at = $3 WHERE tenant_id = $1 AND user_id = $2",
        _TENANT,
        user_id.uuid,
        at,
    )


async def find_person(connection: Connection, email: str) -> Person | None:
    """The person of that address, or None."""
    row = await connection.fetchrow(
        """
        SELECT user_id, email, name, password_hash, disabled_at FROM work.person
        WHERE tenant_id = $1 AND email = $2
        """,
        _TENANT,
        email,
    )
    return None if row is None else _person(row)


async def find_people(connection: Connection, user_ids: Sequence[UUID]) -> dict[UserId, Person]:
    """Those people of these ids that there still are."""
    rows = await connection.fetch(
        """
        SELECT user_id, email, name, password_hash, disabled_at FROM work.person
        WHERE tenant_id = $1 AND user_id = ANY($2)
        """,
        _TENANT,
        user_ids,
    )
    return {UserId(row["user_id"]): _person(row) for row in rows}


async def add_link(connection: DriverConnection, link_hash: bytes, link: Link) -> None:
    """Keep a one-time link."""
    await connection.execute(
        """
        INSERT INTO work.link (tenant_id, link_hash, org_id, invite_id, expires_at)
        VALUES ($1, $2, $3, $4, $5)
        """,
        _TENANT,
        link_hash,
        link.org_id.uuid,
        link.invite_id.uuid,
        link.expires_at,
    )


async def find_link(connection: Connection, link_hash: bytes) -> Link | None:
    """The link of that hash, or None."""
    row = await connection.fetchrow(
        """
        SELECT org_id, invite_id, expires_at FROM work.link
        WHERE tenant_id = $1 AND link_hash = $2
        """,
        _TENANT,
        link_hash,
    )
    if row is None:
        return None
    return Link(OrgId(row["org_id"]), InviteId(row["invite_id"]), row["expires_at"])


async def use_link(connection: DriverConnection, link_hash: bytes) -> bool:
    """Take a link away, whoever is first; False when it was used already."""
    done = await connection.execute(
        "DELETE FROM work.link WHERE tenant_id = $1 AND link_hash = $2", _TENANT, link_hash
    )
    return done == "DELETE 1"


async def forget_old_links(connection: DriverConnection, *, expired_by: datetime) -> None:
    """Take away the links that nobody can use any more."""
    await connection.execute(
        "DELETE FROM work.link WHERE tenant_id = $1 AND expires_at <= $2", _TENANT, expired_by
    )


async def withdraw_links(
    connection: DriverConnection, org_id: OrgId, *, invite_id: InviteId
) -> None:
    """Take the links of an organization's invite away."""
    await connection.execute(
        "DELETE FROM work.link WHERE tenant_id = $1 AND org_id = $2 AND invite_id = $3",
        _TENANT,
        org_id.uuid,
        invite_id.uuid,
    )


def _person(row: asyncpg.Record) -> Person:
    return Person(
        UserId(row["user_id"]), row["email"], row["name"], row["password_hash"], row["disabled_at"]
    )
