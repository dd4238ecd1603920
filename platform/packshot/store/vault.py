"""The vault: the credentials of connections, sealed; their plain text leaves it for one call.

AES-256-GCM with a random nonce of 96 bits (NIST SP 800-38D, 8.2.2) under the organization's data
key, which is sealed in the same way under a key derived from the installation's key-encryption key.
What is sealed is bound to its organization, its connection and its version.
"""

import hmac
from dataclasses import dataclass, field
from os import urandom

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.ids import IntegrationId, OrgId
from packshot.store.pool import DriverConnection, Pools

KEK_VERSION = 1
NONCE_BYTES = 12
KEY_BYTES = 32
FINGERPRINT_BYTES = 8
HINT_CHARACTERS = 4
WRAPPING_LABEL = b"packshot data key wrapping v1"
FINGERPRINT_LABEL = b"packshot credential fingerprint v1\n"


class SealBroken(Exception):
    """What is stored does not open: it was changed, moved, or sealed under another key."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """Credentials as the database holds them."""

    version: int
    nonce: bytes
    ciphertext: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Vault:
    """Seals and opens; ``key_encryption_key`` is the installation's."""

    pools: Pools
    key_encryption_key: bytes = field(repr=False)

    def fingerprint(self, org_id: OrgId, secret: str) -> str:
        """What tells credentials apart without telling them: 16 hex digits of a keyed hash."""
        about = FINGERPRINT_LABEL + org_id.uuid.bytes + secret.encode()
        return hmac.digest(self.key_encryption_key, about, "sha256")[:FINGERPRINT_BYTES].hex()

    async def seal(
        self, org_id: OrgId, integration_id: IntegrationId, *, version: int, secret: str
    ) -> Sealed:
        """Seal credentials; makes the organization's data key when it has none yet."""
        key = await self._data_key(org_id) or await self._new_data_key(org_id)
        nonce = urandom(NONCE_BYTES)
        bound_to = _bound_to(org_id, integration_id, version)
        return Sealed(version, nonce, AESGCM(key).encrypt(nonce, secret.encode(), bound_to))

    async def open(self, org_id: OrgId, integration_id: IntegrationId) -> str | None:
        """The credentials of a connection; None when nothing is sealed for it.

        Raises SealBroken when what is stored is not what was sealed there.
        """
        async with self.pools.reading(org_id) as connection:
            row = await connection.fetchrow(
                """
                SELECT version, nonce, ciphertext FROM work.credential
                WHERE tenant_id = $1 AND integration_id = $2
                """,
                org_id.uuid,
                integration_id.uuid,
            )
        if row is None or row["ciphertext"] is None:
            return None
        key = await self._data_key(org_id)
        if key is None:
            raise SealBroken("the organization's data key is gone")
        bound_to = _bound_to(org_id, integration_id, row["version"])
        return _opened(key, row["nonce"], row["ciphertext"], bound_to=bound_to).decode()

    async def _data_key(self, org_id: OrgId) -> bytes | None:
        async with self.pools.reading(org_id) as connection:
            row = await connection.fetchrow(
                "SELECT kek_version, nonce, wrapped FROM work.data_key WHERE tenant_id = $1",
                org_id.uuid,
            )
        if row is None:
            return None
        bound_to = _wrapped_for(org_id, row["kek_version"])
        return _opened(self._wrapping_key(), row["nonce"], row["wrapped"], bound_to=bound_to)

    async def _new_data_key(self, org_id: OrgId) -> bytes:
        """Make the data key; of two that are made at once, the first one stays.

        In a transaction of its own: what is sealed by it may come true or not.
        """
        nonce, key = urandom(NONCE_BYTES), urandom(KEY_BYTES)
        bound_to = _wrapped_for(org_id, KEK_VERSION)
        wrapped = AESGCM(self._wrapping_key()).encrypt(nonce, key, bound_to)
        async with self.pools.writing() as connection:
            await connection.execute(
                """
                INSERT INTO work.data_key (tenant_id, kek_version, nonce, wrapped)
                VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
                """,
                org_id.uuid,
                KEK_VERSION,
                nonce,
                wrapped,
            )
        kept = await self._data_key(org_id)
        if kept is None:
            raise SealBroken("the organization's data key is gone")
        return kept

    def _wrapping_key(self) -> bytes:
        return hmac.digest(self.key_encryption_key, WRAPPING_LABEL, "sha256")


def hint_of(secret: str) -> str:
    """The last four characters, by which people know credentials again."""
    return secret[-HINT_CHARACTERS:]


async def put(
    connection: DriverConnection,
    org_id: OrgId,
    integration_id: IntegrationId,
    *,
    place: str,
    sealed: Sealed | None,
) -> bool:
    """Keep a new connection's credentials (None: it needs none); False when the place is taken."""
    kept = await connection.fetchval(
        """
        INSERT INTO work.credential (tenant_id, integration_id, place, version, nonce, ciphertext)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (tenant_id, place) DO NOTHING RETURNING true
        """,
        org_id.uuid,
        integration_id.uuid,
        place,
        1 if sealed is None else sealed.version,
        None if sealed is None else sealed.nonce,
        None if sealed is None else sealed.ciphertext,
    )
    return bool(kept)


async def replace(
    connection: DriverConnection, org_id: OrgId, integration_id: IntegrationId, *, sealed: Sealed
) -> None:
    """Keep new credentials in the place of the old ones, which are gone with that."""
    await connection.execute(
        """
        UPDATE work.credential SET version = $3, nonce = $4, ciphertext = $5, sealed_at = now()
        WHERE tenant_id = $1 AND integration_id = $2
        """,
        org_id.uuid,
        integration_id.uuid,
        sealed.version,
        sealed.nonce,
        sealed.ciphertext,
    )


async def destroy(
    connection: DriverConnection, org_id: OrgId, integration_id: IntegrationId
) -> None:
    """Destroy the credentials of a connection that is over."""
    await connection.execute(
        "DELETE FROM work.credential WHERE tenant_id = $1 AND integration_id = $2",
        org_id.uuid,
        integration_id.uuid,
    )


def _opened(key: bytes, nonce: bytes, ciphertext: bytes, *, bound_to: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(nonce, ciphertext, bound_to)
    except InvalidTag:
        raise SealBroken("what is stored is not what was sealed there") from None


def _bound_to(org_id: OrgId, integration_id: IntegrationId, version: int) -> bytes:
    return f"{org_id}|{integration_id}|{version}".encode()


def _wrapped_for(org_id: OrgId, kek_version: int) -> bytes:
    return f"{org_id}|data-key|{kek_version}".encode()
