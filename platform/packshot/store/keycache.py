"""Checks keys: what the database says of a key is believed for 0.8 seconds in each process."""

import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import structlog

from domain.access import Access, Person, access
from domain.errors import Forbidden, Refusal, Unauthenticated, Unavailable
from domain.ids import KeyId, OrgId, TeamId, UserId
from domain.key_limit import RateLimit
from domain.key_text import KeyText
from domain.networks import Network, read_networks
from domain.org_limits import OrgLimits
from domain.scopes import Scope
from packshot.store.events import shut
from packshot.store.pool import Pools
from packshot.store.secrets import MissingSecret, Secrets
from projections.api_keys import find_key, rate_limit_of, responsible_of
from projections.organizations import Standing

if TYPE_CHECKING:
    from asyncpg import Record

log = structlog.get_logger()

# A revoked key must be refused everywhere within one second.
TTL_S = 0.8
KEPT_KEYS = 10_000


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What is known of a valid key.

    ``held`` are the scopes it was given, ``access`` what it may do today: no more than the person
    who answers for it, ``responsible``, None for a key of the organization's own. Without
    ``networks`` it works from everywhere, without ``rate_limit`` it has no limit of its own.
    ``limits`` are those of its organization.
    """

    org_id: OrgId
    org_name: str
    key_id: KeyId
    prefix: str
    name: str
    held: frozenset[Scope]
    access: Access
    responsible: Person | None
    team_id: TeamId | None
    networks: tuple[Network, ...]
    rate_limit: RateLimit | None
    environment: str
    created_at: datetime
    expires_at: datetime | None
    limits: OrgLimits

    @property
    def is_test(self) -> bool:
        """Whether it is for trying things out: under small limits, and without effects on shops."""
        return self.environment == "test"

    @property
    def scopes(self) -> frozenset[Scope]:
        """What it may do today, and so the most that it can hand on."""
        return self.access.scopes


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is believed of a kid until then; ``refused`` is why its holder is not let in."""

    until_s: float
    mac: bytes = field(repr=False)
    pepper: bytes = field(repr=False)
    record: KeyRecord
    refused: Callable[[], Refusal] | None


class KeyCache:
    """Finds the record of a key's text."""

    def __init__(
        self,
        pools: Pools,
        secrets: Secrets,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.pools = pools
        self.secrets = secrets
        self.monotonic = monotonic
        self.clock = clock
        self._kept: dict[str, _Kept] = {}

    async def check(self, text: str) -> KeyRecord:
        """The record of a key.

        Raises Unauthenticated: key_malformed, key_unknown, and to whoever holds the secret also
        key_expired and key_revoked, and Forbidden (org_suspended). The checksum is tried first: a
        mistyped key never reaches the database.
        """
        kept = self._kept.get(text[11:19])
        if kept is None or kept.until_s <= self.monotonic():
            kept = await self._find(_parse(text))
        mac = hmac.digest(kept.pepper, text.encode(), "sha256")
        if not hmac.compare_digest(mac, kept.mac):
            _parse(text)
            raise unknown_key()
        if kept.refused is not None:
            raise kept.refused()
        return kept.record

    async def working(self, text: str) -> KeyRecord | None:
        """The record of a key whose secret works, also where its organization is shut; else None.

        Raises Unavailable.
        """
        try:
            return await self.check(text)
        except Unauthenticated:
            return None
        except Forbidden:  # said of a secret that was compared, so it has just been found
            return self._kept[text[11:19]].record

    def forget(self, key_id: KeyId) -> None:
        """Ask the database anew about a key that has changed; other processes do within 0.8 s."""
        for kid in [kid for kid, kept in self._kept.items() if kept.record.key_id == key_id]:
            del self._kept[kid]

    def forget_person(self, user_id: UserId) -> None:
        """Ask anew about the keys that a person answers for, whose role has changed."""
        for kid, kept in list(self._kept.items()):
            responsible = kept.record.responsible
            if responsible is not None and responsible.user_id == user_id:
                del self._kept[kid]

    def _pepper(self, number: int) -> bytes:
        try:
            return self.secrets.pepper(number)
        except MissingSecret as missing:
            log.exception("pepper_missing", pepper=number)
            raise Unavailable(
                "overloaded",
                "This process cannot check the key: it lacks a secret of the installation.",
                fix="Tell the operator; the same request may be answered by another process.",
            ) from missing

    async def _find(self, key: KeyText) -> _Kept:
        # From before the question: a key revoked while the answer is on its way is not kept longer.
        asked_s, asked_at = self.monotonic(), self.clock()
        async with self.pools.looking_up() as connection:
            row = await find_key(connection, key.kid)
        if row is None or row["environment"] != key.environment:
            raise unknown_key()
        standing = Standing.of(row)
        kept = _Kept(
            until_s=asked_s + min(TTL_S, _seconds_left(row, asked_at)),
            mac=row["mac"],
            pepper=self._pepper(row["pepper_id"]),
            record=_record(row, key, standing),
            refused=_refusal_of(row, asked_at, standing),
        )
        if len(self._kept) >= KEPT_KEYS:
            self._kept.clear()
        self._kept[key.kid] = kept
        return kept


def _record(row: "Record", key: KeyText, standing: Standing) -> KeyRecord:
    held = frozenset(map(Scope, row["scopes"]))
    responsible = responsible_of(row)
    team_id = None if row["team_id"] is None else TeamId(row["team_id"])
    return KeyRecord(
        org_id=OrgId(row["tenant_id"]),
        org_name=row["org_name"],
        key_id=KeyId(row["key_id"]),
        prefix=key.prefix,
        name=row["name"],
        held=held,
        access=access(held, responsible, team_id=team_id),
        responsible=responsible,
        team_id=team_id,
        networks=read_networks(row["allowed_cidrs"]),
        rate_limit=rate_limit_of(row),
        environment=row["environment"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        limits=standing.limits,
    )


def _seconds_left(row: "Record", at: datetime) -> float:
    """How long what the row says of its secret is true by the clock alone."""
    ends = [row[name] for name in ("expires_at", "secret_until") if row[name] is not None]
    return min(((end - at).total_seconds() for end in ends if end > at), default=TTL_S)


def _refusal_of(row: "Record", at: datetime, standing: Standing) -> Callable[[], Refusal] | None:
    """Why a holder of the row's secret is not let in; None when it is."""
    if row["revoked_at"] is not None:
        return _revoked_key
    if row["expires_at"] is not None and row["expires_at"] <= at:
        return _expired_key
    if row["secret_until"] is not None and row["secret_until"] <= at:
        return _replaced_secret
    match standing.status:
        case "closed":
            return partial(shut, "closed.")
        case "suspended":
            return partial(shut, f"suspended. {standing.suspended_for}")
    return None


def _parse(text: str) -> KeyText:
    try:
        return KeyText.parse(text)
    except ValueError:
        raise Unauthenticated(
            "key_malformed",
            "The key is not complete or was mistyped: its checksum does not fit.",
            fix="Copy the whole key again; it begins with pshot_live_ or pshot_test_.",
        ) from None


def unknown_key() -> Unauthenticated:
    """The refusal of a key that no organization holds."""
    return Unauthenticated(
        "key_unknown",
        "There is no such key.",
        fix="Create a key, and send it as x-api-key or as Authorization: Bearer.",
    )


def _revoked_key() -> Unauthenticated:
    return Unauthenticated(
        "key_revoked",
        "This key was revoked.",
        fix="Use another key; somebody with the scope keys:manage can create one.",
    )


def _expired_key() -> Unauthenticated:
    return Unauthenticated(
        "key_expired",
        "The time of this key is over.",
        fix="Use another key; somebody with the scope keys:manage can create one.",
    )


def _replaced_secret() -> Unauthenticated:
    return Unauthenticated(
        "key_expired",
        "This secret of the key was replaced by a rotation, and its grace is over.",
        fix="Use the secret that the rotation answered.",
    )
