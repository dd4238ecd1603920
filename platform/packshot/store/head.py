"""The signed head of a log: what a client keeps to be a witness of everything before it."""

import base64
import hmac
import re
from dataclasses import dataclass
from typing import Self
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from domain.ids import OrgId

HEAD = re.compile(r"(0|[1-9][0-9]{0,17})\.([0-9a-f]{64})\.([A-Za-z0-9_-]{86})")


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
        return str(SignedHead(self.position, self.hash, self.signature))


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A head as somebody kept it: a position, the chain's hash there, and the signature of both."""

    position: int
    tip: bytes
    signature: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what ``x-log-head`` carries; raises ValueError."""
        match = HEAD.fullmatch(text)
        if match is None:
            raise ValueError("not a head: POSITION.HASH.SIGNATURE")
        signature = base64.urlsafe_b64decode(match[3] + "==")
        head = cls(int(match[1]), bytes.fromhex(match[2]), signature)
        if str(head) != text:  # the last letter has bits that mean nothing
            raise ValueError("not a head: its signature is not as it is written")
        return head

    def is_signed_by(self, public_key: Ed25519PublicKey, org_id: OrgId) -> bool:
        """Whether that key signed it as a head of that organization."""
        message = signed_message(org_id, position=self.position, tip=self.tip)
        try:
            public_key.verify(self.signature, message)
        except InvalidSignature:
            return False
        return True

    def __str__(self) -> str:
        """The head as ``x-log-head`` carries it."""
        signature = base64.urlsafe_b64encode(self.signature).rstrip(b"=").decode()
        return f"{self.position}.{self.tip.hex()}.{signature}"


def read_public_key(content: bytes) -> Ed25519PublicKey:
    """Read a key as PEM, as its 32 bytes in hex, or as the API answers it; raises ValueError."""
    text = content.strip()
    if text.startswith(b"{"):
        text = str(orjson.loads(text).get("publicKey", "")).encode()
    if text.startswith(b"-----"):
        key = load_pem_public_key(text)
        if not isinstance(key, Ed25519PublicKey):
            raise ValueError("a key of another kind")
        return key
    return Ed25519PublicKey.from_public_bytes(bytes.fromhex(text.decode("ascii")))


def signed_message(org_id: OrgId, *, position: int, tip: bytes) -> bytes:
    """The exact bytes under a head's signature."""
    return f"packshot log head v1\n{org_id}\n{position}\n{tip.hex()}\n".encode()
