"""The signed head of a log: what a client keeps to be a witness of everything before it."""

import base64
import hmac
from dataclasses import dataclass
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from domain.ids import OrgId


class Signer:
    """Signs heads with the installation's Ed25519 key (RFC 8032)."""

    def __init__(self, seed: bytes) -> None:
        """Take ``seed``, the private key's 32 bytes."""
        self.key = Ed25519PrivateKey.from_private_bytes(seed)
        self._seed = seed

    @property
    def public_key(self) -> Ed25519PublicKey:
        """The key that anyone may verify heads with."""
        return self.key.public_key()

    def derived(self, purpose: bytes) -> bytes:
        """A secret of its own for another purpose, 32 bytes: HMAC-SHA-256 of it with the seed."""
        return hmac.digest(self._seed, b"packshot derived key v1\n" + purpose, "sha256")

    def sign(self, message: bytes) -> bytes:
        """The signature of a message, 64 bytes."""
        return self.key.sign(message)


@dataclass(frozen=True, slots=True)
class LogHead:
    """The position and chain hash of an organization's newest event.

    It is signed when it is told, not when it is made: a signature costs 40 microseconds, a fifth
    of an append. ``event_id`` is the newest event's, where the head was made by its append.
    """

    org_id: OrgId
    position: int
    hash: bytes
    signer: Signer
    event_id: UUID | None = None

    @property
    def signature(self) -> bytes:
        """The installation's signature of this head."""
        return self.signer.sign(signed_message(self.org_id, position=self.position, tip=self.hash))

    def __str__(self) -> str:
        """The head as ``x-log-head`` carries it: position, hash in hex, signature in base64url."""
        signature = base64.urlsafe_b64encode(self.signature).rstrip(b"=").decode()
        return f"{self.position}.{self.hash.hex()}.{signature}"


def signed_message(org_id: OrgId, *, position: int, tip: bytes) -> bytes:
    """The exact bytes under a head's signature."""
    return f"packshot log head v1\n{org_id}\n{position}\n{tip.hex()}\n".encode()
