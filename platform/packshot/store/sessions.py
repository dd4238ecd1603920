"""Sessions: the rows that say who is signed in, and from where.

Every statement is for one tenant, the installation's own (``domain.user.INSTALLATION``).
"""

from dataclasses import dataclass, field
from datetime import datetime

import asyncpg

from domain.ids import OrgId, SessionId, UserId
from domain.user import INSTALLATION
from packshot.store.pool import Connection, DriverConnection

_TENANT = INSTALLATION.uuid


@dataclass(frozen=True, slots=True)
class Session:
    """A session as it is stored.

    ``role`` is the one of the last look at ``org_id``, None before there was one; ``proven_at`` is
    when the person last proved who they are; ``browser`` and ``address`` are as they are told.
    """

    session_id: SessionId
    user_id: UserId
    org_id: OrgId
    role: str | None
    created_at: datetime
    seen_at: datetime
    proven_at: datetime
    browser: str = field(repr=False)
    address: str = field(repr=False)


async def add_session(connection: DriverConnection, session_hash: bytes, session: Session) -> None:
    """Keep a new session."""
    await connection.execute(
        """
        INSERT INTO work.session (tenant_id, session_hash, session_id, user_id, org_id, role,
                                  created_at, seen_at, proven_at, browser, address)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        """,
        _TENANT,
        session_hash,
        session.session_id.uuid,
        session.user_id.uuid,
        session.org_id.uuid,
        session.role,
        session.created_at,
        session.seen_at,
        session.proven_at,
        session.browser,
        session.address,
    )


async def find_session(connection: Connection, session_hash: bytes) -> Session | None:
    """The session of that hash, or None."""
    row = await connection.fetchrow(
        """
        SELECT session_id, user_id, org_id, role, created_at, seen_at, proven_at, browser, address
        FROM work.session
        WHERE tenant_id = $1 AND session_hash = $2
        """,
        _TENANT,
        session_hash,
    )
    return None if row is None else _session(row)


async def list_sessions(
    connection: Connection, user_id: UserId, *, created_after: datetime, seen_after: datetime
) -> list[Session]:
    """A person's sessions that are not too old, the last used first."""
    rows = await connection.fetch(
        """
        SELECT session_id, user_id, org_id, role, created_at, seen_at, proven_at, browser, address
        FROM work.session
        WHERE tenant_id = $1 AND user_id = $2 AND created_at > $3 AND seen_at > $4
        ORDER BY seen_at DESC, session_id
        """,
        _TENANT,
        user_id.uuid,
        created_after,
        seen_after,
    )
    return [_session(row) for row in rows]


async def touch_session(connection: DriverConnection, session_hash: bytes, *, at: datetime) -> None:
    """Note that a session was used then."""
    await connection.execute(
        "UPDATE work.session SET seen_at = $3 WHERE tenant_id = $1 AND session_hash = $2",
        _TENANT,
        session_hash,
        at,
    )


async def prove_session(connection: DriverConnection, session_hash: bytes, *, at: datetime) -> None:
    """Note that the person proved then who they are."""
    await connection.execute(
        """
        UPDATE work.session SET proven_at = $3 WHERE tenant_id = $1 AND session_hash = $2
        """,
        _TENANT,
        session_hash,
        at,
    )


async def rotate_session(
    connection: DriverConnection,
    session_hash: bytes,
    *,
    to: bytes,
    org_id: OrgId,
    role: str,
) -> bool:
    """Give a session another hash, whoever is first; False when it had gone."""
    done = await connection.execute(
        """
        UPDATE work.session SET session_hash = $3, org_id = $4, role = $5
        WHERE tenant_id = $1 AND session_hash = $2
        """,
        _TENANT,
        session_hash,
        to,
        org_id.uuid,
        role,
    )
    return done == "UPDATE 1"


async def end_session(connection: DriverConnection, session_hash: bytes) -> None:
    """Forget a session."""
    await connection.execute(
        "DELETE FROM work.session WHERE tenant_id = $1 AND session_hash = $2",
        _TENANT,
        session_hash,
    )


async def end_session_of(
    connection: DriverConnection, user_id: UserId, *, session_id: SessionId
) -> bool:
    """Forget a person's session; False when they have no such one."""
    done = await connection.execute(
        "DELETE FROM work.session WHERE tenant_id = $1 AND user_id = $2 AND session_id = $3",
        _TENANT,
        user_id.uuid,
        session_id.uuid,
    )
    return done != "DELETE 0"


async def end_sessions_of(
    connection: DriverConnection, user_id: UserId, *, but: SessionId | None = None
) -> int:
    """Forget all sessions of a person, but for one where it is named; returns how many."""
    done = await connection.execute(
        """
        DELETE FROM work.session
        WHERE tenant_id = $1 AND user_id = $2 AND session_id IS DISTINCT FROM $3
        """,
        _TENANT,
        user_id.uuid,
        None if but is None else but.uuid,
    )
    return int(done.removeprefix("DELETE "))


async def end_old_sessions(
    connection: DriverConnection, user_id: UserId, *, created_before: datetime, idle_since: datetime
) -> None:
    """Forget a person's sessions that are too old or were not used for too long."""
    await connection.execute(
        """
        DELETE FROM work.session
        WHERE tenant_id = $1 AND user_id = $2 AND (created_at < $3 OR seen_at < $4)
        """,
        _TENANT,
        user_id.uuid,
        created_before,
        idle_since,
    )


def _session(row: asyncpg.Record) -> Session:
    plain = ("role", "created_at", "seen_at", "proven_at", "browser", "address")
    return Session(
        session_id=SessionId(row["session_id"]),
        user_id=UserId(row["user_id"]),
        org_id=OrgId(row["org_id"]),
        **{name: row[name] for name in plain},
    )
