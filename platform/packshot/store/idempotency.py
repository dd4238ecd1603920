"""Answers kept under an ``Idempotency-Key``: who runs a request, and what it was answered.

A row is running (a token and a time until which nobody else may run it) or holds its answer. The
answer is written where the effect is, in one transaction, by whoever can still show the token: so
there is no effect without its answer, and none of a request that was taken over.
"""

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from math import ceil
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import orjson

from domain.errors import Conflict, Unavailable
from domain.ids import OrgId
from packshot.store.pool import DriverConnection, Pools

LOCKED_S = 10.0
# 24 hours from the answer at least: counted from the request's beginning, so that answering moves
# no entry of an index, and no request runs for an hour.
KEPT_S = 25 * 3600.0
SWEPT_AT_ONCE = 1000
# An index entry must fit into a third of a page, and text holds no zero byte.
LONGEST_TEXT = 255
TRIES = 5


class StillRunning(Conflict):
    """Another request with this key runs, or has taken this one over."""

    def __init__(self, locked_s: float = 1.0) -> None:
        retry_after_s = max(1, ceil(locked_s))
        super().__init__(
            "idempotency_in_progress",
            "A request with this Idempotency-Key is still being worked on.",
            param="Idempotency-Key",
            fix=f"Send the same request again in {retry_after_s} s.",
            headers={"retry-after": str(retry_after_s)},
        )


@dataclass(frozen=True, slots=True)
class Place:
    """What a key is scoped to, and the key: each row is one of these."""

    org_id: OrgId
    method: str
    path: str
    key: str

    @property
    def columns(self) -> tuple[UUID, str, str, str]:
        """The primary key; a text that no index takes stands there as its hash."""
        return self.org_id.uuid, self.method, _indexable(self.path), _indexable(self.key)


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer as it is kept: ``body`` or ``file``, and the log's head where it told one."""

    status: int
    headers: Mapping[str, str]
    body: bytes | None = None
    file: Mapping[str, Any] | None = None
    position: int | None = None
    tip: bytes | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What an earlier request with the key left: what it sent, and its answer if it has one.

    While it is locked, the answer may still be replaced by a later one.
    """

    fingerprint: Mapping[str, str]
    answer: KeptAnswer | None
    locked_s: float
    is_expired: bool


async def begin(pools: Pools, place: Place, fingerprint: Mapping[str, str]) -> UUID | Found:
    """The token of a request that may run now, or what an earlier one with its key left.

    Takes over what expired, and what its owner stopped renewing when the fingerprint is the same:
    nothing of it came true. Raises StillRunning when others are quicker again and again.
    """
    token = uuid4()
    sent = orjson.dumps(fingerprint).decode()
    for _ in range(TRIES):
        async with pools.writing() as connection:
            if await _insert(connection, place, token=token, sent=sent):
                return token
        found = await find(pools, place)
        if found is None:
            continue  # given up between the two statements
        is_abandoned = found.answer is None and found.locked_s <= 0
        if not found.is_expired and not (is_abandoned and found.fingerprint == fingerprint):
            return found
        async with pools.writing() as connection:
            if await _take_over(connection, place, token=token, sent=sent):
                return token
    raise StillRunning


async def find(pools: Pools, place: Place) -> Found | None:
    """What stands under a key of the organization; None when nothing does."""
    async with pools.reading(place.org_id) as connection:
        row = await connection.fetchrow(
            """
            SELECT fingerprint, status, headers, body, file, position, tip,
                   expires_at <= now() AND (status IS NOT NULL OR locked_until <= now())
                     AS is_expired,
                   extract(epoch FROM locked_until - now())::float8 AS locked_s
            FROM work.idempotency
            WHERE tenant_id = $1 AND method = $2 AND path = $3 AND key = $4
            """,
            *place.columns,
        )
    if row is None:
        return None
    answer = None if row["status"] is None else _answer_of(row)
    return Found(orjson.loads(row["fingerprint"]), answer, row["locked_s"], row["is_expired"])


async def renew(pools: Pools, place: Place, token: UUID) -> bool:
    """Keep others away for another LOCKED_S; False when the request was taken over or answered."""
    async with pools.writing() as connection:
        renewed = await connection.execute(
            """
            UPDATE work.idempotency SET locked_until = now() + make_interval(secs => $6)
            WHERE tenant_id = $1 AND method = $2 AND path = $3 AND key = $4
              AND token = $5 AND (status IS NULL OR locked_until > now())
            """,
            *place.columns,
            token,
            LOCKED_S,
        )
    return bool(renewed == "UPDATE 1")


async def keep(
    connection: DriverConnection,
    place: Place,
    *,
    token: UUID,
    answer: KeptAnswer,
    is_last: bool = True,
) -> None:
    """Write the answer in the transaction of its effect; raises StillRunning when taken over.

    One that is not the last stays locked, for ``replace`` to write the last one.
    """
    written = await connection.execute(
        """
        UPDATE work.idempotency
        SET status = $6, headers = $7::json, body = $8, file = $9::json, position = $10, tip = $11,
            locked_until = CASE WHEN $12 THEN now() ELSE locked_until END
        WHERE tenant_id = $1 AND method = $2 AND path = $3 AND key = $4
          AND token = $5 AND status IS NULL
        """,
        *place.columns,
        token,
        *_columns(answer),
        is_last,
    )
    if written != "UPDATE 1":
        raise StillRunning


async def replace(pools: Pools, place: Place, *, token: UUID, answer: KeptAnswer) -> bool:
    """Write the last answer over the first; False when repeats may have been told the first."""
    async with pools.writing() as connection:
        replaced = await connection.execute(
            """
            UPDATE work.idempotency
            SET status = $6, headers = $7::json, body = $8, file = $9::json, position = $10,
                tip = $11, locked_until = now()
            WHERE tenant_id = $1 AND method = $2 AND path = $3 AND key = $4
              AND token = $5 AND status IS NOT NULL AND locked_until > now()
            """,
            *place.columns,
            token,
            *_columns(answer),
        )
    return bool(replaced == "UPDATE 1")


async def release(pools: Pools, place: Place, token: UUID) -> None:
    """Free the key of a request that ended without an answer to keep; a kept one stays."""
    async with pools.writing() as connection:
        await connection.execute(
            """
            DELETE FROM work.idempotency
            WHERE tenant_id = $1 AND method = $2 AND path = $3 AND key = $4
              AND token = $5 AND status IS NULL
            """,
            *place.columns,
            token,
        )


async def release_if_possible(pools: Pools, place: Place, token: UUID) -> None:
    """Free the key, or leave that to time when the database is away."""
    with suppress(Unavailable):
        await release(pools, place, token)


async def sweep(pools: Pools) -> int:
    """Delete what has expired, of every organization, a thousand at the most; returns how many."""
    async with pools.writing() as connection:
        deleted = await connection.execute(
            """
            DELETE FROM work.idempotency WHERE (tenant_id, method, path, key) IN (
              SELECT tenant_id, method, path, key FROM work.idempotency
              WHERE expires_at <= now() AND (status IS NOT NULL OR locked_until <= now())
              ORDER BY expires_at LIMIT $1
              FOR UPDATE SKIP LOCKED
            )
            """,
            SWEPT_AT_ONCE,
        )
    return int(deleted.split()[1])


async def _insert(connection: DriverConnection, place: Place, *, token: UUID, sent: str) -> bool:
    """ON CONFLICT alone would wait for a row that is being answered at this moment."""
    inserted = await connection.execute(
        """
        INSERT INTO work.idempotency
               (tenant_id, method, path, key, token, fingerprint, locked_until, expires_at)
        SELECT $1, $2, $3, $4, $5, $6::json,
               now() + make_interval(secs => $7), now() + make_interval(secs => $8)
        WHERE NOT EXISTS (
          SELECT FROM work.idempotency
          WHERE tenant_id = $1 AND method = $2 AND path = $3 AND key = $4
        )
        ON CONFLICT (tenant_id, method, path, key) DO NOTHING
        """,
        *place.columns,
        token,
        sent,
        LOCKED_S,
        KEPT_S,
    )
    return bool(inserted == "INSERT 0 1")


async def _take_over(connection: DriverConnection, place: Place, *, token: UUID, sent: str) -> bool:
    """A row that is locked is being answered at this moment: it is skipped, not waited for."""
    taken = await connection.execute(
        """
        UPDATE work.idempotency
        SET token = $5, fingerprint = $6::json, locked_until = now() + make_interval(secs => $7),
            expires_at = now() + make_interval(secs => $8), status = NULL, headers = NULL,
            body = NULL, file = NULL, position = NULL, tip = NULL
        WHERE (tenant_id, method, path, key) IN (
          SELECT tenant_id, method, path, key FROM work.idempotency
          WHERE tenant_id = $1 AND method = $2 AND path = $3 AND key = $4
            AND CASE WHEN status IS NULL THEN locked_until ELSE expires_at END <= now()
          FOR UPDATE SKIP LOCKED
        )
        """,
        *place.columns,
        token,
        sent,
        LOCKED_S,
        KEPT_S,
    )
    return bool(taken == "UPDATE 1")


def _columns(answer: KeptAnswer) -> tuple[Any, ...]:
    return (
        answer.status,
        orjson.dumps(dict(answer.headers)).decode(),
        answer.body,
        None if answer.file is None else orjson.dumps(dict(answer.file)).decode(),
        answer.position,
        answer.tip,
    )


def _answer_of(row: asyncpg.Record) -> KeptAnswer:
    return KeptAnswer(
        row["status"],
        orjson.loads(row["headers"]),
        body=row["body"],
        file=None if row["file"] is None else orjson.loads(row["file"]),
        position=row["position"],
        tip=row["tip"],
    )


def _indexable(text: str) -> str:
    if len(text) <= LONGEST_TEXT and text.isascii() and text.isprintable():
        return text
    return "sha256 " + hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
