"""Standard Webhooks signatures: who may call the bridge, and how the bridge signs a callback.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hmac
import re
from email.message import Message
from http import HTTPStatus
from pathlib import Path

from shopbridge.refusals import Refused

PREFIX = "whsec_"
KEY_BYTES = range(24, 65)  # the specification's bounds
TOLERANCE_S = 300
WEBHOOK_ID = re.compile(r"[A-Za-z0-9_-]{1,200}", re.ASCII)
TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)


class UnusableSecret(Exception):
    """The secret file does not hold a secret."""


def read_secrets(file: Path) -> tuple[bytes, ...]:
    """Return the keys of a file with one ``whsec_`` text a line; raises UnusableSecret.

    The first signs callbacks; the others are still accepted, while a secret is changed.
    """
    try:
        keys = tuple(_key(line.strip()) for line in file.read_text().splitlines() if line.strip())
    except (OSError, ValueError) as problem:
        raise UnusableSecret(f"{file} cannot be used: {problem}") from problem
    if not keys:
        raise UnusableSecret(f"{file} is empty; put `whsec_` and 32 bytes in base64 there")
    return keys


def sign(key: bytes, message_id: str, *, timestamp: int, content: bytes) -> str:
    """The value of ``webhook-signature``."""
    signed = f"{message_id}.{timestamp}.".encode() + content
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def require_headers(headers: Message, *, now: float) -> tuple[str, int, str]:
    """Return id, timestamp and signatures; raises Refused where they cannot be right.

    Needs no body, so a stranger's body is never read.
    """
    message_id = headers.get("webhook-id") or ""
    timestamp = headers.get("webhook-timestamp") or ""
    signatures = headers.get("webhook-signature") or ""
    if not (WEBHOOK_ID.fullmatch(message_id) and TIMESTAMP.fullmatch(timestamp) and signatures):
        raise _unauthorized("signature_missing", "This request needs three webhook-… headers.")
    if abs(now - int(timestamp)) > TOLERANCE_S:
        raise _unauthorized(
            "timestamp_out_of_tolerance", f"webhook-timestamp is over {TOLERANCE_S} s from now."
        )
    return message_id, int(timestamp), signatures


def require_signature(
    keys: tuple[bytes, ...], signed: tuple[str, int, str], *, content: bytes
) -> None:
    """Raise Refused unless one of the signatures is right for one of the keys."""
    message_id, timestamp, signatures = signed
    given = [one.encode("latin-1", "replace") for one in signatures.split(" ")]
    for key in keys:
        right = sign(key, message_id, timestamp=timestamp, content=content).encode()
        if any(hmac.compare_digest(right, one) for one in given):
            return
    raise _unauthorized("signature_wrong", "No signature fits this secret and content.")


def _key(text: str) -> bytes:
    if not text.startswith(PREFIX):
        raise ValueError(f"a secret begins with {PREFIX}")
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("what follows whsec_ is not base64") from None
    if len(key) not in KEY_BYTES:
        raise ValueError("a secret has 24 to 64 bytes")
    return key


def _unauthorized(code: str, message: str) -> Refused:
    return Refused(HTTPStatus.UNAUTHORIZED, code, message)
