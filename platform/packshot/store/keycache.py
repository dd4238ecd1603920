"""Checks keys: what the database says of a key is believed for 0.8 seconds in each process."""

import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from domain.errors import Unauthenticated
from domain.ids import KeyId, OrgId
from domain.key_text import KeyText
from domain.scopes import Scope
from packshot.store.pool import Pools
from packshot.store.secrets import Secrets
from projections.api_keys import find_key

# A revoked key must be refused everywhere within one second.
TTL_S = 0.8
KEPT_KEYS = 10_000


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What is known of a valid key."""

    org_id: OrgId
    org_name: str
    key_id: KeyId
    prefix: str
    name: str
    scopes: frozenset[Scope]
    environment: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class _Kept:
    until_s: float
    mac: bytes = field(repr=False)
    pepper: bytes = field(repr=False)
    record: KeyRecord


class KeyCache:
    """Finds the record of a key's text."""

    def __init__(
        self, pools: Pools, secrets: Secrets, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.pools = pools
        self.secrets = secrets
        self.monotonic = monotonic
        self._kept: dict[str, _Kept] = {}

    async def check(self, text: str) -> KeyRecord:
        """The record of a key; raises Unauthenticated (key_malformed, key_unknown).

        The checksum is tried first: a mistyped key never reaches the database.
        """
        kept = self._kept.get(text[11:19])
        if kept is None or kept.until_s < self.monotonic():
            kept = await self._find(_parse(text))
        mac = hmac.digest(kept.pepper, text.encode(), "sha256")
        if not hmac.compare_digest(mac, kept.mac):
            _parse(text)
            raise unknown_key()
        return kept.record

    async def _find(self, key: KeyText) -> _Kept:
        # From before the question: a key revoked while the answer is on its way is not kept longer.
        until_s = self.monotonic() + TTL_S
        async with self.pools.looking_up() as connection:
            row = await find_key(connection, key.kid)
        if row is None or row["environment"] != key.environment:
            raise unknown_key()
        kept = _Kept(
            until_s=until_s,
            mac=row["mac"],
            pepper=self.secrets.peppers[row["pepper_id"]],
            record=KeyRecord(
                org_id=OrgId(row["tenant_id"]),
                org_name=row["org_name"],
                key_id=KeyId(row["key_id"]),
                prefix=key.prefix,
                name=row["name"],
                scopes=frozenset(map(Scope, row["scopes"])),
                environment=row["environment"],
                created_at=row["created_at"],
            ),
        )
        if len(self._kept) >= KEPT_KEYS:
            self._kept.clear()
        self._kept[key.kid] = kept
        return kept


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
