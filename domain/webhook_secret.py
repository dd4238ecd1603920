"""The secret that an organization's webhooks are signed with, and the signature itself.

Standard Webhooks 1.0.0 (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/
standard-webhooks.md): HMAC-SHA256 over id, timestamp and body, ``v1,`` and base64, one after
another with a space between while several secrets are valid.
"""

import base64
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from domain.ids import OrgId

PREFIX = "whsec_"
LABEL = b"packshot webhook secret v1\n"
# The specification's own bounds of a secret that somebody else has made.
LEAST_BYTES, MOST_BYTES = 24, 64


@dataclass(frozen=True, slots=True)
class WebhookSecret:
    """One version of an organization's secret: 32 bytes that are derived and stored nowhere.

    Or a secret that an organization shares with a bridge, which that one or it has made.
    """

    key: bytes = field(repr=False)

    @classmethod
    def derive(cls, installation_key: bytes, org_id: OrgId, *, version: int) -> Self:
        """The secret of that version: a PRF of the installation's key, so none tells another.

        HMAC-SHA256 of a label, the organization's id and the version (NIST SP 800-108r1, 4: a key
        derivation function of one block).
        """
        about = LABEL + org_id.uuid.bytes + version.to_bytes(8, "big")
        return cls(hmac.digest(installation_key, about, "sha256"))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a secret that is shared with somebody else; raises ValueError for any other text."""
        prefix, encoded = text[: len(PREFIX)], text[len(PREFIX) :]
        if prefix != PREFIX or not encoded.isascii():
            raise ValueError("not a secret that starts with whsec_")
        key = base64.b64decode(encoded, validate=True)
        if not LEAST_BYTES <= len(key) <= MOST_BYTES:
            raise ValueError("not a secret of 24 to 64 bytes")
        return cls(key)

    @property
    def text(self) -> str:
        """The secret as receivers keep it."""
        return PREFIX + base64.b64encode(self.key).decode()

    def sign(self, message_id: str, *, at: datetime, body: bytes) -> str:
        """The signature of one try, made at that time (to the second)."""
        message = f"{message_id}.{int(at.timestamp())}.".encode() + body
        return "v1," + base64.b64encode(hmac.digest(self.key, message, "sha256")).decode()


def signed_headers(
    secrets: Iterable[WebhookSecret], message_id: str, *, at: datetime, body: bytes
) -> dict[str, str]:
    """The three headers of a try; ``at`` is the time of the try: receivers refuse an old one."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(
            secret.sign(message_id, at=at, body=body) for secret in secrets
        ),
    }
